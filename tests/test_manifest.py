"""What `manifest` promises: the shape that other tools lean on, and silence only where all is complete."""

import json
from dataclasses import replace
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor import manifest
from extractor.manifest import EntityFacts
from extractor.messages import FileMark, Unread

FILES = (FileMark("deals/part-00000.ndjson", 3, 99, "ab" * 32), FileMark("deals/part-00001.ndjson", 2, 50, "cd" * 32))
DEALS = EntityFacts(
    method="crm.deal.list", params={"select": ["*"], "filter": {">ID": 0}}, status="complete", key="ID", files=FILES, unread=(Unread("7", "WRONG_ENCODING: no"),),
    requests=4, calls=5, retries=1, seconds=1.23456,
)
FACTS = st.builds(
    EntityFacts, method=st.just("m"), params=st.just({}), named=st.booleans(),
    status=st.sampled_from(["running", "complete", "partial", "skipped", "failed"]),
)


def build(finished_at="2026-01-01T00:01:00Z", portal="example.bitrix24.com", **entities):
    """Build a manifest around entities."""
    return manifest.build(
        run_id="r1", portal=portal, started_at="2026-01-01T00:00:00Z", finished_at=finished_at, entities=entities,
    )


def test_shape():
    """Keys and values are those of the contract, in its order; rows are the sum over the files."""
    assert build(deals=DEALS) == {
        "format": 1,
        "run_id": "r1",
        "portal": "example.bitrix24.com",
        "started_at": "2026-01-01T00:00:00Z",
        "finished_at": "2026-01-01T00:01:00Z",
        "status": "complete",
        "entities": {"deals": {
            "method": "crm.deal.list", "params": {"select": ["*"], "filter": {">ID": 0}}, "key": "ID",
            "status": "complete", "reason": None, "rows": 5, "assurance": "exact",
            "files": [
                {"path": "deals/part-00000.ndjson", "rows": 3, "bytes": 99, "sha256": "ab" * 32},
                {"path": "deals/part-00001.ndjson", "rows": 2, "bytes": 50, "sha256": "cd" * 32},
            ],
            "unread": [{"id": "7", "reason": "WRONG_ENCODING: no"}],
            "requests": 4, "calls": 5, "retries": 1, "seconds": 1.235,
        }},
    }


@pytest.mark.parametrize(("expected", "statuses"), [
    ("complete", []),
    ("complete", ["complete", "complete"]),
    ("complete", ["complete", "skipped"]),
    ("failed", ["skipped"]),
    ("partial", ["complete", "skipped named"]),
    ("partial", ["skipped named"]),
    ("partial", ["complete", "failed"]),
    ("partial", ["complete", "partial"]),
    ("partial", ["complete", "running"]),
    ("failed", ["failed", "failed named"]),
    ("failed", ["failed", "skipped"]),
    ("partial", ["failed", "skipped named"]),
])
def test_overall_status(expected, statuses):
    """One incomplete entity makes a run partial, only failures make it failed, and what nobody named may be skipped."""
    facts = [replace(DEALS, status=status.split()[0], named="named" in status) for status in statuses]
    assert expected == manifest.overall(facts)


@given(facts=st.lists(FACTS))
def test_complete_hides_nothing(facts):
    """A run that says complete holds nothing but complete entities and those skipped that nobody named, and is not of the latter alone."""
    silent = (not facts or any(f.status != "skipped" for f in facts)) and all(f.status == "complete" or (f.status == "skipped" and not f.named) for f in facts)
    assert silent == (manifest.overall(facts) == "complete")


def test_run_in_progress():
    """Until it has finished a run is partial, and so is an entity that is still read; the reason says so."""
    built = build(finished_at=None, deals=DEALS, leads=replace(DEALS, status="running"))
    assert built["finished_at"] is None
    assert built["status"] == "partial"
    assert built["entities"]["leads"]["status"] == "partial"
    assert built["entities"]["leads"]["reason"].startswith("RUNNING: ")
    assert built["entities"]["deals"]["status"] == "complete"


def test_of_a_run_that_has_ended_nothing_is_running():
    """What it had not come to is left for the same command."""
    entry = build(deals=replace(DEALS, status="running"))["entities"]["deals"]
    assert ("partial", True) == (entry["status"], entry["reason"].startswith("INTERRUPTED: "))


def test_reason_is_kept():
    """A reason that was given stands."""
    entry = build(deals=replace(DEALS, status="running", reason="STOPPED: time is up"))["entities"]["deals"]
    assert "STOPPED: time is up" == entry["reason"]


@pytest.mark.parametrize("portal", ["https://example.bitrix24.com", "example.bitrix24.com/rest/1/code/", "u:p@host", "h?auth=1"])
def test_portal_is_a_host(portal):
    """An address could carry a secret: it is refused."""
    with pytest.raises(ValueError, match="host"):
        build(portal=portal)


def test_params_carry_no_credentials():
    """An `auth` parameter is left out."""
    built = build(deals=replace(DEALS, params={"auth": "canary", "select": ["ID"]}))
    assert built["entities"]["deals"]["params"] == {"select": ["ID"]}
    assert "canary" not in json.dumps(built)


def test_frozen_params(tmp_path):
    """Params may be any mapping, at any depth."""
    manifest.write(tmp_path, build(deals=replace(DEALS, params={"filter": MappingProxyType({">ID": 0})})))
    assert '">ID": 0' in (tmp_path / "manifest.json").read_text()


def test_written_for_people(tmp_path):
    """The file is indented UTF-8 that reads back equal, ends with a line feed, and replaces the one before."""
    for built in (build(), build(deals=replace(DEALS, reason="Нет доступа"))):
        manifest.write(tmp_path, built)
        text = (tmp_path / "manifest.json").read_text(encoding="utf-8")
        assert built == json.loads(text)
    assert '\n  "run_id": "r1",\n' in text
    assert "Нет доступа" in text
    assert text.endswith("}\n")
    assert [tmp_path / "manifest.json"] == list(tmp_path.iterdir())
