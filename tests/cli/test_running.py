"""`b24x dump` inside this process, over loopback HTTP to a portal on another thread's loop."""

import asyncio
import os
import signal
import socket
import threading
import time

import orjson
import pytest
from click.testing import CliRunner

from extractor.checkpoint import lock
from extractor.cli import main
from extractor.cli.portals import CODE, authorised, build, world_of
from extractor.sandbox.cost import CostModel
from extractor.sandbox.methods.classic import listed
from extractor.sandbox.server import serve

pytestmark = pytest.mark.end_to_end


class Served:
    """A portal behind HTTP, on a loop of its own."""

    def __init__(self, *, seconds=0.0, **rows):
        self.portal = build(world_of(rows, seed=1), tariff="unlimited")
        self.world = self.portal._desk.world
        self.world.cost = CostModel.flat(seconds)
        self._up, self._loop = threading.Event(), asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),))
        self._thread.start()
        assert self._up.wait(20)

    async def _serve(self):
        self._down = asyncio.Event()
        async with serve(self.portal) as address:
            self.webhook = f"{address}/rest/1/{CODE}/"
            self.application = dict(line.removeprefix("export ").split("=", 1) for line in authorised(self.portal, address))
            self._up.set()
            await self._down.wait()

    def close(self):
        """End it."""
        self._loop.call_soon_threadsafe(self._down.set)
        self._thread.join()
        self._loop.close()


@pytest.fixture
def served():
    """Serve portals: `served(deals=300)`."""
    made = []
    yield lambda **settings: made.append(Served(**settings)) or made[-1]
    for one in made:
        one.close()


def dump(portal, *words):
    """Run the command in this process."""
    return CliRunner().invoke(main, ["dump", *map(str, words), "--tariff", "unlimited"], env={"B24X_WEBHOOK": portal.webhook})


def ids(folder):
    """List the ids of the deals on disk, ascending."""
    return sorted(int(orjson.loads(line)["ID"]) for line in (folder / "deals/part-00000.ndjson").read_bytes().splitlines())


def test_a_dump_and_its_report(served, tmp_path):
    """A dump ends with 0, says on stderr what it cost, and appends one record to the summary, run after run."""
    portal = served(deals=300)
    for _ in range(2):
        ran = dump(portal, "deals", "--to", tmp_path / "out", "--summary", tmp_path / "runs.jsonl")
        assert (0, "") == (ran.exit_code, ran.stdout)
    assert listed(portal.world, "crm.deal.list") == ids(tmp_path / "out")
    assert "complete: " in ran.stderr
    records = [orjson.loads(line) for line in (tmp_path / "runs.jsonl").read_bytes().splitlines()]
    assert [0, 0] == [record["exit_code"] for record in records]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal(served, tmp_path, number, code):
    """The first signal ends the run cleanly with its own exit code, and the same command goes on."""
    portal = served(deals=9_000, seconds=0.05)
    seen = threading.Thread(target=_signal_when, args=(tmp_path / "out/.b24x/checkpoint.json", number))
    seen.start()
    ran = dump(portal, "deals", "--to", tmp_path / "out")
    seen.join()
    assert code == ran.exit_code
    assert "the same command goes on" in ran.stderr
    portal.world.cost = CostModel.flat(0.0)
    assert 0 == dump(portal, "deals", "--to", tmp_path / "out").exit_code
    assert listed(portal.world, "crm.deal.list") == ids(tmp_path / "out")


def _signal_when(path, number):
    deadline = time.monotonic() + 30
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    if path.exists():
        os.kill(os.getpid(), number)


def test_a_summary_that_cannot_be_written(served, tmp_path):
    """A summary that cannot be appended to is refused before anything is read, and not after hours."""
    portal = served(deals=60)
    ran = dump(portal, "deals", "--to", tmp_path / "out", "--summary", tmp_path / "no/such/folder.jsonl")
    assert 2 == ran.exit_code
    assert "--summary" in ran.stderr
    assert (0, False) == (portal.portal.statistics().requests, (tmp_path / "out").exists())


@pytest.mark.parametrize("there", [False, True])
def test_a_mistake_makes_no_summary(served, tmp_path, there):
    """What is refused leaves no empty file; one that is there and empty was made for this, and gets its line."""
    path = tmp_path / "runs.jsonl"
    if there:
        path.touch()
    words = ["sync", "deals", "--to", str(tmp_path / "out"), "--metrics", str(tmp_path / "no/b24x.prom"), "--summary", str(path)]
    assert 2 == CliRunner().invoke(main, words, env={"B24X_WEBHOOK": served(deals=60).webhook}).exit_code
    assert there == path.exists()
    assert not there or 2 == orjson.loads(path.read_bytes())["exit_code"]


def test_a_summary_behind_a_link_is_where_the_link_leads(served, tmp_path):
    """It may lead to what is not there yet."""
    link, path = tmp_path / "runs.jsonl", tmp_path / "there.jsonl"
    link.symlink_to(path)
    assert 0 == dump(served(deals=60), "deals", "--to", tmp_path / "out", "--summary", link).exit_code
    assert link.is_symlink()
    assert 0 == orjson.loads(path.read_bytes())["exit_code"]


def test_a_summary_that_nobody_could_write(served, tmp_path):
    """A name that is too long, a link that leads to itself: refused as usage, in one sentence."""
    link = tmp_path / "loop"
    link.symlink_to(link)
    for path in (tmp_path / ("a" * 300), link):
        ran = dump(served(deals=60), "deals", "--to", tmp_path / "out", "--summary", path)
        assert (2, 1) == (ran.exit_code, len(ran.stderr.splitlines()))


def test_a_summary_or_a_page_that_is_no_file(served, tmp_path):
    """What would keep a run waiting is refused before anything is asked, in one sentence."""
    portal = served(deals=60)
    os.mkfifo(tmp_path / "pipe")
    for option, path in (("--summary", tmp_path / "pipe"), ("--metrics", tmp_path / "pipe"), ("--metrics", tmp_path)):
        ran = dump(portal, "deals", "--to", tmp_path / "out", option, path)
        assert (2, 1, True) == (ran.exit_code, len(ran.stderr.splitlines()), ran.stderr.startswith(f"b24x: {option}: {path.name} is "))
    assert (0, False) == (portal.portal.statistics().requests, (tmp_path / "out").exists())


def test_a_run_that_fails_before_it_begins_has_its_summary(served, tmp_path):
    """A webhook that is none, a portal that is not there, a code that it does not know, a folder that another run holds: a line each."""
    portal, path = served(deals=60), tmp_path / "runs.jsonl"
    nobody = f"http://127.0.0.1:1/rest/1/{CODE}/"
    with lock(tmp_path / "held"):
        for command in ("dump", "sync"):
            for webhook, folder in (("nonsense", "a"), (nobody, command), (portal.webhook.replace(CODE, "other"), f"{command}s"), (portal.webhook, "held")):
                words = [command, "deals", "--to", str(tmp_path / folder), "--summary", str(path)]
                CliRunner().invoke(main, words, env={"B24X_WEBHOOK": webhook})
    records = [orjson.loads(line) for line in path.read_bytes().splitlines()]
    assert [3, 3, 3, 6] * 2 == [record["exit_code"] for record in records]
    assert [None, *["127.0.0.1"] * 3] * 2 == [record["portal"].partition(":")[0] if record["portal"] else None for record in records]
    assert "complete" not in {record["status"] for record in records}
    assert all(record["why"] and record["finished_at"] >= record["started_at"] for record in records)
    dump(portal, "deals", "--to", tmp_path / "out", "--summary", path)
    assert records[0].keys() == orjson.loads(path.read_bytes().splitlines()[-1]).keys()


def test_a_port_that_is_taken():
    """A sandbox on a port that somebody has is refused with the option to mend it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ran = CliRunner().invoke(main, ["sandbox", "--port", str(taken.getsockname()[1])])
    assert 2 == ran.exit_code
    assert "--port" in ran.stderr


def test_a_dump_as_an_application(served, tmp_path):
    """What `b24x sandbox --oauth` prints is all that a dump needs; the token that it gives first may be long expired."""
    portal = served(deals=300)
    given = {name: value.strip("'") for name, value in portal.application.items()}
    given |= {"B24X_TOKEN_FILE": str(tmp_path / "tokens.json"), "B24X_ACCESS_TOKEN": "", "B24X_WEBHOOK": ""}
    ran = CliRunner().invoke(main, ["dump", "deals", "--to", str(tmp_path / "out")], env=given)
    assert 0 == ran.exit_code, ran.stderr
    assert listed(portal.world, "crm.deal.list") == ids(tmp_path / "out")
    assert 1 == portal.portal.authority.renewals


def test_metrics_of_a_run_and_of_one_that_fails(served, tmp_path):
    """A dump and a sync leave a page each; one that the portal refuses says so, and when the last one was good."""
    portal, page = served(deals=300), tmp_path / "b24x.prom"

    def told():
        return {line.partition("{")[0]: float(line.rpartition(" ")[2]) for line in page.read_text().splitlines() if line[0] != "#"}

    assert 0 == dump(portal, "deals", "--to", tmp_path / "out", "--metrics", page).exit_code
    assert len(ids(tmp_path / "out")) == told()["b24x_rows_total"]
    words = ["sync", "deals", "--to", str(tmp_path / "mirror"), "--metrics", str(page)]
    assert 0 == CliRunner().invoke(main, words, env={"B24X_WEBHOOK": portal.webhook}).exit_code
    good = told()
    assert 0 <= good["b24x_watermark_age_seconds"] < 60
    assert 3 == CliRunner().invoke(main, words, env={"B24X_WEBHOOK": portal.webhook.replace(CODE, "other")}).exit_code
    bad = told()
    assert 3 == bad["b24x_run_exit_code"]
    kept = ("b24x_rows_total", "b24x_last_success_timestamp_seconds", "b24x_watermark_timestamp_seconds")
    assert [good[name] for name in kept] == [bad[name] for name in kept]


def verify(portal, *words):
    """Run the command in this process."""
    return CliRunner().invoke(main, ["verify", *map(str, words), "--tariff", "unlimited"], env={"B24X_WEBHOOK": portal.webhook})


def test_a_verification_and_its_reports(served, tmp_path):
    """What differs goes to stdout as text or as JSON, and line by line into a file; the exit code says whether anything does."""
    portal, out = served(deals=300), tmp_path / "out"
    dump(portal, "deals", "--to", out)
    ran = verify(portal, out, "--report", tmp_path / "same.ndjson")
    assert (0, b"") == (ran.exit_code, (tmp_path / "same.ndjson").read_bytes())
    assert "the same" in ran.stdout
    path = out / "deals/part-00000.ndjson"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[1:]))
    lost = int(orjson.loads(lines[0])["ID"])
    ran = verify(portal, out, "--sample", "all", "--json", "--report", tmp_path / "differs.ndjson")
    said = orjson.loads(ran.stdout)
    assert (7, [lost], "differs") == (ran.exit_code, said["entities"]["deals"]["missing"], said["status"])
    assert "the folder and the portal differ: deals has 1 missing, 1 damaged file" in ran.stderr
    written = [orjson.loads(line) for line in (tmp_path / "differs.ndjson").read_bytes().splitlines()]
    assert {"entity": "deals", "id": lost, "what": "missing"} in written
    assert {"same.ndjson", "differs.ndjson", "out"} == {one.name for one in tmp_path.iterdir()}


@pytest.mark.parametrize(("words", "sentence"), [
    (["--sample", "7"], "--sample is a percentage above 0% and at most 100%, such as 1%, or all; not '7'"),
    (["--sample", "0%"], "--sample is a percentage above 0%"),
    (["--sample", "101%"], "at most 100%"),
    (["--report", "no/such/folder/file"], "--report: file cannot be written"),
    (["leads"], "the folder holds no 'leads'; it holds deals"),
    (["--repair"], "--repair is for folders of b24x sync"),
])
def test_a_verification_that_cannot_be(served, tmp_path, words, sentence):
    """One sentence, before anything is asked."""
    portal = served(deals=60)
    dump(portal, "deals", "--to", tmp_path / "out")
    before = portal.portal.statistics().requests
    ran = verify(portal, tmp_path / "out", *words)
    assert (2, before) == (ran.exit_code, portal.portal.statistics().requests)
    assert sentence in ran.stderr
    assert 1 == len(ran.stderr.splitlines())


def test_a_folder_without_a_name_is_refused(served):
    """A variable that is unset would dump into the folder that one stands in."""
    for command in ("dump", "sync"):
        ran = CliRunner().invoke(main, [command, "deals", "--to", ""], env={"B24X_WEBHOOK": "https://h.example/rest/1/k4n4ri3nv0g3l/"})
        assert (2, True) == (ran.exit_code, "--to names no folder" in ran.stderr)


def test_a_glob_names_nothing_in_particular(served, tmp_path):
    """What it matches and cannot be read without a parameter is skipped, and said."""
    portal, out = served(deals=30), tmp_path / "out"
    assert 0 == dump(portal, "crm_*", "--to", out).exit_code
    entities = orjson.loads((out / "manifest.json").read_bytes())["entities"]
    assert ("skipped", "complete") == (entities["crm_items"]["status"], entities["crm_statuses"]["status"])


def test_a_dump_that_is_complete_says_as_of_when(served, tmp_path):
    """The same command reads nothing then, and neither the manifest nor the words look like those of a fresh run."""
    portal, out = served(deals=30), tmp_path / "out"
    dump(portal, "deals", "--to", out)
    said = (out / "manifest.json").read_bytes()
    ran = dump(portal, "deals", "--to", out)
    assert (0, True) == (ran.exit_code, "nothing was asked of the portal; a new dump goes into a new folder" in ran.stderr)
    assert said == (out / "manifest.json").read_bytes()


def test_a_secret_in_the_wrong_place_is_not_said():
    """The webhook's address as a value of some other option, or as a command."""
    address = f"https://example.bitrix24.com/rest/1/{CODE}/"
    for words in (["dump", "deals", "--to", "x", "--tariff", address], ["dump", "--max-minutes", address], [address], ["dump", "--config", address, "--to", "x"]):
        ran = CliRunner().invoke(main, words)
        assert ran.exit_code in {2, 3}
        assert CODE not in ran.output + ran.stderr
