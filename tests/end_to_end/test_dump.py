"""`b24x sandbox` and `b24x dump` as two processes: what a user sees, and what lies on disk afterwards."""

import gzip
import hashlib
import subprocess

import orjson
import pytest
import zstandard

from extractor.sandbox.methods.classic import listed
from extractor.sandbox.world import World
from tests.end_to_end.processes import B24X, CODE, dump, ids, manifest, run, served, started

pytestmark = pytest.mark.end_to_end

COUNTS = {"crm_activities": 6_000, "deals": 4_000}


@pytest.fixture(scope="module")
def portal():
    """Serve a portal of a few thousand rows."""
    with served(activities=6_000, deals=4_000) as portal:
        yield portal


def unpack(path):
    """Return the bytes of a file as the format's own tools read it."""
    data = path.read_bytes()
    if path.suffix == ".gz":
        return gzip.decompress(data)
    if path.suffix == ".zst":
        return zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True).read()
    return data


def test_the_shipped_sandbox(tmp_path):
    """What `b24x sandbox` serves at the address that it prints, `b24x dump` reads exactly: exit code 0, an empty stdout."""
    with started(B24X, "sandbox", "--port", 0, "--rows", "deals=3000", stdout=subprocess.PIPE, text=True) as sandbox:
        webhook = sandbox.stdout.readline().split()[-1]
        ran = run("dump", "deals", "--to", tmp_path / "out", "--summary", tmp_path / "runs.jsonl", webhook=webhook)
    world = World.build(rows={"deals": 3_000})
    assert (0, b"") == (ran.code, ran.out)
    assert listed(world, "crm.deal.list") == ids(tmp_path / "out/deals/part-00000.ndjson")
    summary = orjson.loads((tmp_path / "runs.jsonl").read_bytes())
    assert (0, "complete", ["deals"]) == (summary["exit_code"], summary["status"], list(summary["entities"]))


@pytest.mark.parametrize("compress", ["none", "gz", "zst"])
def test_the_folder(portal, tmp_path, compress):
    """The manifest counts and hashes what lies there, as the contract says, and every id is there once."""
    ran = dump(portal, tmp_path, "crm_activities", "deals", "--compress", compress)
    found = manifest(tmp_path)
    assert (0, b"", 1, "complete") == (ran.code, ran.out, found["format"], found["status"])
    assert portal.address.removeprefix("http://") == found["portal"]
    assert found["started_at"] <= found["finished_at"]
    truth = {"crm_activities": list(portal.world.tables["activities"].ids), "deals": listed(portal.world, "crm.deal.list")}
    for name, entry in found["entities"].items():
        (file,) = entry["files"]
        path = tmp_path / file["path"]
        assert ("complete", None, "exact") == (entry["status"], entry["reason"], entry["assurance"])
        assert (path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest()) == (file["bytes"], file["sha256"])
        lines = unpack(path).splitlines()
        assert len(lines) == file["rows"] == entry["rows"]
        assert truth[name] == sorted(int(orjson.loads(line)["ID"]) for line in lines)


def test_to_stdout(portal):
    """`--to -` writes the rows to stdout, a line each, and nothing else there."""
    ran = run("dump", "deals", "--to", "-", "--tariff", "unlimited", webhook=portal.webhook)
    lines = ran.out.splitlines()
    assert (0, True) == (ran.code, ran.out.endswith(b"}\n"))
    assert listed(portal.world, "crm.deal.list") == sorted(int(orjson.loads(line)["ID"]) for line in lines)


def test_a_reader_that_leaves(portal):
    """When whoever reads stdout goes away, the run ends with one sentence, and without a traceback."""
    words = (B24X, "dump", "deals", "--to", "-", "--tariff", "unlimited", "--webhook", portal.webhook)
    with started(*words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.readline()
        process.stdout.close()
        process.stdout = None
        errors = process.communicate(timeout=60)[1].decode()
    assert process.returncode not in {0, 1}
    assert "Traceback" not in errors
    assert "b24x: " in errors.splitlines()[-1]


@pytest.mark.parametrize("log", [("--log-format", "json", "-v"), ("-v",), ("-q",)], ids=lambda words: words[-1])
def test_logs(portal, tmp_path, log):
    """Logs go to stderr: JSON lines are JSON each, -v tells every request, -q nothing of a run that went well; no secret."""
    ran = dump(portal, tmp_path, "deals", *log)
    assert (0, b"") == (ran.code, ran.out)
    assert CODE not in ran.err
    if "json" in log:
        assert {"RequestAnswered", "EntityEnded"} <= {orjson.loads(line)["event"] for line in ran.err.splitlines()}
    elif "-q" in log:
        assert "" == ran.err
    else:
        assert "request of" in ran.err


@pytest.mark.thorough
def test_memory():
    """300,000 deals take less than 150 MiB, measured at the extractor's process alone, with sixteen requests in flight."""
    meter = ("import resource, subprocess, sys\n"
             "code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode\n"
             "print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)")
    with served(deals=300_000) as portal:
        words = (B24X, "dump", "deals", "--to", "-", "-q", "--tariff", "unlimited", "--concurrency", "16", "--webhook", portal.webhook)
        with started(B24X.with_name("python"), "-c", meter, *words, stdout=subprocess.PIPE, text=True) as process:
            code, kilobytes = map(int, process.communicate(timeout=100)[0].split())
        served_rows = portal.seen()["rows"]
    assert 0 == code
    assert served_rows >= 290_000
    assert kilobytes < 150 * 1024
