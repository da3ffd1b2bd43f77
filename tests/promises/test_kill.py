"""Killed at any moment, the same command goes on from the last commit: no line lost, doubled or torn."""

import asyncio
import os
import random
import shutil
from pathlib import Path

import pytest

from extractor.checkpoint import CheckpointFile
from extractor.errors import FolderBusy
from extractor.messages import PAGE_SIZE
from extractor.sandbox.methods.classic import listed
from tests.thorough import thorough

ROWS = {"deals": 2_600, "contacts": 200}
NAMES = ("deals", "contacts", "crm_statuses", "departments")


def saved(folder):
    """Return what the checkpoint of a folder knows of its deals."""
    return CheckpointFile(folder).load().entities["deals"]


def image(folder, place):
    """Keep what a kill at this very moment would leave on disk."""
    shutil.copytree(folder, place, ignore=shutil.ignore_patterns("lock"))
    return place


def same(trial, folder):
    """Say whether a folder holds every row once."""
    world = trial.world
    expected = {"deals": listed(world, "crm.deal.list"), "contacts": listed(world, "crm.contact.list"),
                "departments": list(world.tables["departments"].ids)}
    return expected == {name: trial.ids(name, folder) for name in expected}


async def go_on(world, folder, seed):
    """Run the same command until it has come to its end, killing it again and again; return the images that it left."""
    dice, folders = random.Random(seed), [folder]
    while True:
        task = asyncio.ensure_future(world.dump(*NAMES, folder=folders[-1]).run())
        await asyncio.wait({task}, timeout=6 * dice.random() ** 1.5)
        if task.done():
            assert 0 == task.result().exit_code
            return folders
        folders.append(image(folders[-1], folder.with_name(f"{folder.name}-{len(folders)}")))
        task.cancel()
        await asyncio.wait({task})


@pytest.mark.parametrize("seed", [*range(10), *thorough(*range(10, 50))])
async def test_killed_at_random_moments(trial, seed):
    """However often and whenever a run is killed, in the end every row is there once."""
    world = trial(rows=ROWS, latency=0.8)
    folders = await go_on(world, world.folder / "0", seed)
    assert same(world, folders[-1])
    manifest = (await world.run(*NAMES, folder=folders[-1])).manifest
    assert "complete" == manifest["status"]
    assert {name: len(world.rows(name, folders[-1])) for name in NAMES} == {
        name: entry["rows"] for name, entry in manifest["entities"].items()}


async def test_what_is_committed_is_not_asked_for_again(trial):
    """After a kill, at most what came since the last commit comes again; a span's last page aside, and chains that reach past its end, nothing committed does."""
    world = trial(rows={"deals": 60_000}, latency=0.8)
    whole = len(listed(world.world, "crm.deal.list"))
    task = asyncio.ensure_future(world.dump("deals").run())
    await asyncio.wait({task}, timeout=3.0)
    kept = image(world.folder, world.folder.with_name("kept"))
    task.cancel()
    await asyncio.wait({task})
    before, done = world.line.rows, saved(kept)
    assert 0 < done.rows < whole
    assert 0 == (await world.run("deals", folder=kept)).exit_code
    assert world.line.rows - before <= 1.1 * (whole - done.rows) + PAGE_SIZE * len(done.spans)
    assert listed(world.world, "crm.deal.list") == world.ids("deals", kept)


@pytest.mark.parametrize("system_call", ["fsync", *thorough("replace")])
async def test_killed_at_every_commit_boundary(trial, monkeypatch, system_call):
    """A cut before any sync, or before any new name, of a run leaves a folder from which the same command goes on exactly."""
    world, images = trial(rows={"deals": 1_000}, latency=3.0), []
    whole = getattr(os, system_call) if system_call == "fsync" else Path.replace

    def cut(*args):
        images.append(image(world.folder, world.folder.with_name(f"image-{len(images)}")))
        return whole(*args)

    with monkeypatch.context() as patched:
        patched.setattr(os if system_call == "fsync" else Path, system_call, cut)
        await world.run(*NAMES)
    assert len(images) >= 5
    for folder in images:
        assert 0 == (await world.run(*NAMES, folder=folder)).exit_code
        assert same(world, folder)


async def test_stopped_and_gone_on(trial):
    """A run that is told to stop commits what has come, says so with its exit code, and goes on from there."""
    world = trial(rows={"deals": 60_000}, latency=0.8)
    dump = world.dump("deals")
    asyncio.get_running_loop().call_later(2.0, dump.stop, 143, "interrupted")
    outcome = await dump.run()
    entry = outcome.manifest["entities"]["deals"]
    assert (143, "partial", "partial") == (outcome.exit_code, outcome.manifest["status"], entry["status"])
    assert 0 < len(world.ids("deals")) == entry["rows"] == saved(world.folder).rows
    again = await world.run("deals")
    assert (0, True) == (again.exit_code, again.resumed)
    assert listed(world.world, "crm.deal.list") == world.ids("deals")


async def test_minutes_are_over(trial):
    """--max-minutes ends a run with exit code 5, and the next one goes on."""
    world = trial(rows={"deals": 60_000}, latency=0.8)
    assert 5 == (await world.run("deals", max_seconds=2.0)).exit_code
    assert 0 == (await world.run("deals", max_seconds=300.0)).exit_code
    assert listed(world.world, "crm.deal.list") == world.ids("deals")


async def test_done_is_done(trial):
    """A dump that is complete is not asked for again: no request, the same folder, exit code 0."""
    world = trial(rows={"deals": 3_000})
    await world.run("deals")
    requests, before = world.line.requests, world.rows("deals")
    again = await world.run("deals")
    assert (0, "complete", requests) == (again.exit_code, again.manifest["status"], world.line.requests)
    assert before == world.rows("deals")


async def test_one_run_per_folder(trial):
    """While a run holds a folder, another one is refused with exit code 6, and the first one is not disturbed."""
    world = trial(rows={"deals": 6_000}, latency=0.8)
    task = asyncio.ensure_future(world.dump("deals").run())
    await asyncio.sleep(1.0)
    with pytest.raises(FolderBusy) as refused:
        await world.run("deals")
    assert 6 == refused.value.exit_code
    assert 0 == (await task).exit_code
    assert listed(world.world, "crm.deal.list") == world.ids("deals")
