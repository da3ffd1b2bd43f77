"""How a manifest is read back into what was asked."""

import datetime as dt

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.catalog import catalog, raw_method
from extractor.claims import claims, read
from extractor.conditions import normal
from extractor.errors import UsageError
from extractor.manifest import EntityFacts, build
from extractor.messages import FileMark, Unread
from extractor.question import Question

MARK = FileMark("deals/part-00000.ndjson", 3, 60, "ab" * 32)


def manifest(*questions, **facts):
    """Write the manifest of a run that asked this."""
    said = {one.entity.name: EntityFacts(**{"method": one.entity.method, "params": one.asked(), "status": "complete", **facts})
            for one in questions}
    return orjson.dumps(build(run_id="1", portal="a.example", started_at="2026-01-01T00:00:00Z", finished_at="2026-01-01T00:01:00Z",
                              entities=said))


QUESTIONS = st.builds(
    lambda entity, select, conditions, params: normal(Question(
        entity, select=None if select is None else tuple(select), filter=conditions,
        params={**dict.fromkeys(entity.requires, 7), **params})),
    st.sampled_from(list(catalog().values())),
    st.none() | st.lists(st.sampled_from(["TITLE", "title", "ID", "id"]), min_size=1, max_size=3, unique=True),
    st.dictionaries(st.sampled_from([">ID", "<=ID", "!STAGE_ID"]), st.integers(1, 99), max_size=3),
    st.dictionaries(st.sampled_from(["ownerId", "typeId"]), st.integers(1, 99), max_size=2),
)


@given(QUESTIONS)
def test_a_question_is_asked_as_it_was(question):
    """Its columns, conditions and parameters come back, whatever the entity's dialect."""
    (claim,) = claims(read(manifest(question)), [])
    assert question.asked() == claim.question.asked()
    assert question.entity == claim.question.entity


def test_what_lies_there_is_claimed():
    """The files, and the rows that could not be read."""
    (claim,) = claims(read(manifest(Question(catalog()["deals"]), files=(MARK,), unread=(Unread("7", "X: y"),))), [])
    assert ((MARK,), {"7"}, None) == (claim.files, claim.unread, claim.silent)


@pytest.mark.parametrize(("facts", "silent", "lacking"), [
    ({"status": "skipped", "reason": "X: y"}, "it was not read (X: y)", False),
    ({"status": "failed", "reason": "X: y"}, "it was not read to its end (X: y)", True),
    ({"status": "partial", "reason": "INTERRUPTED: y"}, "it was not read to its end (INTERRUPTED: y)", True),
    ({"status": "partial", "reason": "INTERRUPTED: y", "more": {"watermark": "2026-01-01T00:00:00+00:00"}}, None, False),
    ({"status": "partial", "reason": "UNREAD: y", "unread": (Unread("7", "X: y"),)}, None, False),
    ({"status": "skipped", "reason": "X: y", "more": {"watermark": "2026-01-01T00:00:00+00:00"}}, None, False),
    ({"status": "skipped", "reason": "X: y", "files": (MARK,)}, "it was not read to its end (X: y)", True),
])
def test_what_was_not_read_to_its_end_claims_nothing(facts, silent, lacking):
    """It says why; a mirror that once was in step claims what it held then."""
    (claim,) = claims(read(manifest(Question(catalog()["deals"]), **facts)), [])
    assert (silent, lacking) == (claim.silent, claim.lacking)


def test_rows_without_ids_claim_nothing():
    """Those of a method that the catalog does not know."""
    (claim,) = claims(read(manifest(Question(raw_method("a.thing.list")))), [])
    assert "a.thing.list has no id that b24x knows, so its rows cannot be told apart" == claim.silent


@pytest.mark.parametrize(("words", "names"), [
    ([], ["deals", "contacts"]), (["deals"], ["deals"]), (["*s"], ["deals", "contacts"]), (["crm.contact.list"], ["contacts"])])
def test_words_name_entities_of_the_folder(words, names):
    """Names, globs and methods; none names all."""
    said = read(manifest(*(Question(catalog()[name]) for name in ("deals", "contacts"))))
    assert names == [claim.name for claim in claims(said, words)]


def test_another_catalogs_question_is_refused():
    """What this version cannot ask again has other rows."""
    data = orjson.loads(manifest(Question(catalog()["smart_invoices"])))
    data["entities"]["smart_invoices"]["params"].pop("entityTypeId")
    with pytest.raises(UsageError, match="asked for otherwise"):
        claims(read(orjson.dumps(data)), [])


@pytest.mark.parametrize("path", ["../part-00000.ndjson", "/etc/passwd", "deals/../../x", "deals", "deals/.."])
def test_files_elsewhere_are_refused(path):
    """A manifest names files of its own folder."""
    with pytest.raises(UsageError, match="which is no file of a folder"):
        read(manifest(Question(catalog()["deals"]), files=(FileMark(path, 1, 1, ""),)))


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"format": 1}', b"\xff"])
def test_what_is_no_manifest_is_refused(data):
    """In one sentence."""
    with pytest.raises(UsageError, match=r"manifest\.json cannot be used"):
        read(data)


def test_a_run_began_at_a_moment():
    """In a zone: rows are held against it."""
    data = {**orjson.loads(manifest()), "started_at": "2026-01-01T00:00:00"}
    with pytest.raises(UsageError, match=r"manifest\.json cannot be used"):
        read(orjson.dumps(data))


def test_a_run_that_was_killed_is_refused():
    """Its files may be longer than the manifest knows."""
    data = {**orjson.loads(manifest()), "finished_at": None}
    with pytest.raises(UsageError, match="run its command again"):
        read(orjson.dumps(data))


def test_a_mirror_is_in_step_up_to_a_moment():
    """The latest one that its entities have; a dump has none, and a moment without a zone is damage."""
    moments = ["2026-01-02T00:00:00+00:00", "2026-01-03T00:00:00+03:00", None]
    data = orjson.loads(manifest(*(Question(catalog()[name]) for name in ("deals", "contacts", "leads"))))
    for entry, moment in zip(data["entities"].values(), moments, strict=True):
        entry["watermark"] = moment
    assert dt.datetime.fromisoformat(moments[1]) == read(orjson.dumps(data)).watermark
    assert read(manifest(Question(catalog()["deals"]))).watermark is None
    data["entities"]["deals"]["watermark"] = "2026-01-02T00:00:00"
    with pytest.raises(UsageError, match=r"manifest\.json cannot be used"):
        read(orjson.dumps(data))
