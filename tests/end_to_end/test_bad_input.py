"""What cannot work is said in one sentence, with the contract's exit code; no traceback, and never the webhook's code."""

import time

import pytest

from tests.end_to_end.processes import CODE, b24x, dump, manifest, run, served

pytestmark = pytest.mark.end_to_end


@pytest.fixture(scope="module")
def portal():
    """Serve a small portal."""
    with served(activities=300, deals=300) as portal:
        yield portal


def held(ran, code, *words):
    """Hold an ended process against what must be true of every failure."""
    everything = ran.out.decode() + ran.err
    assert code == ran.code, everything
    assert CODE not in everything
    assert "Traceback" not in everything
    for word in words:
        assert word in ran.last_words


@pytest.mark.parametrize(("address", "words"), [
    (f"https://example.invalid/{CODE}/", ["no webhook", "https://HOST/rest/USER/CODE/"]),
    (f"{CODE}", ["no webhook"]),
    (f"https://user:{CODE}@example.invalid/rest/1/{CODE}/", ["no webhook"]),
    (f"http://example.invalid/rest/1/{CODE}/", ["plain http", "https"]),
    (f"https://example.invalid/rest/1/{CODE}/?auth={CODE}", ["no webhook"]),
], ids=["path", "word", "user", "plain", "query"])
def test_addresses(tmp_path, address, words):
    """An address that is no webhook, or would send the code in clear text, ends with code 3; nothing is written."""
    held(run("dump", "deals", "--to", tmp_path / "out", webhook=address), 3, *words)
    assert not (tmp_path / "out").exists()


def test_no_webhook(tmp_path):
    """Without an address the command says how to give one."""
    held(run("dump", "deals", "--to", tmp_path / "out"), 3, "B24X_WEBHOOK")


def test_refused_credentials(portal, tmp_path):
    """A code that the portal does not know ends with code 3, and it is not in the message, the manifest or the checkpoint."""
    stranger = portal.webhook.replace(CODE, f"{CODE}x")
    held(run("dump", "deals", "--to", tmp_path, webhook=stranger), 3)
    assert [] == [path for path in tmp_path.rglob("*") if path.is_file() and CODE.encode() in path.read_bytes()]


def test_unknown_entities(portal, tmp_path):
    """A name that is none ends with code 2 and the nearest names."""
    held(dump(portal, tmp_path / "out", "crm_activity"), 2, "'crm_activity'", "crm_activities")
    held(dump(portal, tmp_path / "out", "crm_x*"), 2, "'crm_x*'")


@pytest.mark.parametrize(("condition", "word"), [
    ('{"BINDINGS": [{"OWNER_ID": 5}]}', "OWNER_TYPE_ID"), ('{">id": 5}', "'>ID'"), ('{"><ID": [1, 9]}', ">=ID"),
    ('[{">ID": 5}]', '">=ID"'), ('{"@ID": []}', "@ID"), ('{">CREATED": "soon"}', "2024-01-31"), ('{">ID": 5', "--filter"),
])
def test_conditions(portal, tmp_path, condition, word):
    """A condition that would be dropped ends with code 2 and the right spelling, before a list was asked for."""
    held(dump(portal, tmp_path / "out", "crm_activities", "--filter", condition), 2, word)
    assert not (tmp_path / "out/manifest.json").exists()


def test_another_question(portal, tmp_path):
    """A folder that holds another question's rows is refused with code 2, and its rows stay."""
    assert 0 == dump(portal, tmp_path).code
    before = manifest(tmp_path)
    held(dump(portal, tmp_path, "crm_activities"), 2, "another question", "deals")
    held(dump(portal, tmp_path, "deals", "--filter", '{">=ID": 5}'), 2, "another question")
    assert before == manifest(tmp_path)


def test_another_compression(portal, tmp_path):
    """A folder whose rows are stored in another way is refused."""
    assert 0 == dump(portal, tmp_path).code
    ran = dump(portal, tmp_path, "deals", "--compress", "zst")
    held(ran, ran.code)
    assert ran.code in {0, 2, 3}


def test_a_folder_that_is_held(tmp_path):
    """While one run holds the folder, another one ends with code 6 at once, and the first goes on."""
    with served(deals=6_000, seconds=0.1) as slow, b24x("dump", "deals", "--to", tmp_path, webhook=slow.webhook) as first:
        while not (tmp_path / "manifest.json").exists():
            assert first.poll() is None
            time.sleep(0.02)
        held(dump(slow, tmp_path), 6, "held by another run")
        assert 0 == first.wait(60)


def test_a_file_where_a_folder_is_needed(portal, tmp_path):
    """A file as folder, or in the way of one, is said."""
    (tmp_path / "file").write_text("mine")
    ran = dump(portal, tmp_path / "file")
    held(ran, ran.code, "folder")
    assert ran.code not in {0, 1}
    held(dump(portal, tmp_path / "file" / "out"), ran.code, "folder")
    assert "mine" == (tmp_path / "file").read_text()


def test_a_file_system_that_takes_nothing(portal):
    """A read-only file system is said in one sentence, with a code that is not our bug's."""
    ran = dump(portal, "/proc/b24x-out")
    held(ran, ran.code)
    assert ran.code not in {0, 1}


def test_nobody_there(tmp_path):
    """A portal that does not answer is said, after the attempts that a restart of it is worth."""
    ran = run("dump", "deals", "--to", tmp_path, "--max-minutes", "0.05", webhook=f"http://127.0.0.1:9/rest/1/{CODE}/")
    held(ran, ran.code)
    assert ran.code in {3, 5}


@pytest.mark.parametrize("words", [("--tariff", "golden"), ("--rate-limit", "x/y"), ("--concurrency", "0"), ("--budget", "0"),
                                   ("--param", "x"), ("--select", ""), ("--filter", ""), ("--paging", "random"), ("--max-minutes", "0")])
def test_options_without_sense(portal, tmp_path, words):
    """An option whose value makes no sense ends with code 2."""
    held(run("dump", "deals", "--to", tmp_path / "out", *words, webhook=portal.webhook), 2)


def test_two_entities_to_stdout(portal):
    """`--to -` takes exactly one entity."""
    held(dump(portal, "-", "deals", "crm_activities"), 2, "--to -")
