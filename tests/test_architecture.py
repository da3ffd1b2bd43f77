"""The shape of the code, held mechanically: what may import what, how long a thing may be, who starts tasks."""

import ast
import importlib.metadata
import re
import tomllib
from fnmatch import fnmatch
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)

IMPURE = {"asyncio", "aiohttp", "time", "socket", "pathlib"}
PURE = (
    "messages.py", "errors.py", "events.py", "catalog.py", "planner.py", "paging/*.py", "scheduler.py", "filling.py", "listing.py", "load.py",
    "batch.py", "decoder.py", "envelopes.py", "rows.py", "retry.py", "refusals.py", "question.py", "conditions.py", "spelling.py",
    "operands.py", "wishes.py", "waits.py", "lanes.py", "offline.py", "mirror.py", "claims.py", "samples.py", "floor.py", "metrics.py", "auth/*.py",
    "secrets.py", "wording.py", "sandbox/*.py",
)
IMPURE_SANDBOX = {"sandbox/server.py", "sandbox/transport.py", "sandbox/clock.py"}

TASK_STARTERS = {"create_task", "ensure_future", "gather", "TaskGroup"}

# Written in pieces, or this file would break its own rule.
OF_A_MACHINE = re.compile(r"(?<![\w.:/-])/(?:" + "root|home|work|Users" + ")/")
OF_A_REGISTRY = re.compile("|".join(name + r"\." + rest for name, rest in (
    ("pypi", "org"), ("python" + "hosted", "org"), ("registry", "npm"), ("proxy", "golang"), ("deb", "debian"),
)))


def code() -> dict[str, ast.Module]:
    """Parse every module of the package; the keys are paths inside `extractor/`."""
    folder = ROOT / "extractor"
    return {path.relative_to(folder).as_posix(): ast.parse(path.read_text()) for path in sorted(folder.rglob("*.py"))}


def imported(tree: ast.Module) -> set[str]:
    """Name everything that a module imports, anywhere in it, type-only imports included."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute here"
            names |= {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
    return names


def project_files() -> list[Path]:
    """List every file that `.gitignore` does not exclude."""
    ignored = [".git", *(line.strip("/") for line in (ROOT / ".gitignore").read_text().split())]
    return [
        path for path in ROOT.rglob("*")
        if path.is_file()
        and not any(fnmatch(part, pattern) for part in path.relative_to(ROOT).parts for pattern in ignored)
    ]


def words(tree: ast.Module) -> set[str]:
    """Every name and attribute that the module's code uses or imports."""
    return (
        {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        | {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        | {name.rpartition(".")[2] for name in imported(tree)}
    )


def dotted(path: str) -> str:
    """The name that a module is imported by."""
    return ".".join(part for part in ("extractor", *path.removesuffix(".py").split("/")) if part != "__init__")


def pins() -> dict[str, str]:
    """The pinned version of every name in `constraints.txt`."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return {canonicalize_name(name): version for name, _, version in (line.partition("==") for line in lines)}


CODE = code()


@pytest.mark.parametrize("pattern", PURE)
def test_pure_modules_cannot_wait(pattern: str):
    """A module that decides imports nothing that waits, reads a clock or touches the disk, not even for its types."""
    modules = {name: tree for name, tree in CODE.items() if fnmatch(name, pattern)}
    assert modules, f"extractor/{pattern} names no module: was it renamed?"
    assert {} == {
        name: found for name, tree in modules.items() if name not in IMPURE_SANDBOX
        if (found := IMPURE & {module.partition(".")[0] for module in imported(tree)})
    }


def test_modules_say_what_they_are():
    """Every module opens with a docstring."""
    assert [] == [name for name, tree in CODE.items() if not ast.get_docstring(tree)]


def test_modules_are_short():
    """No module is longer than 300 lines: a longer one holds two subjects."""
    lines = {name: len((ROOT / "extractor" / name).read_text().splitlines()) for name in CODE}
    assert {} == {name: length for name, length in lines.items() if length > 300}


def test_functions_are_short():
    """No function is longer than 60 lines."""
    assert {} == {
        f"{name}:{node.name}": length for name, tree in CODE.items() for node in ast.walk(tree)
        if isinstance(node, FUNCTIONS) and (length := node.end_lineno - node.lineno + 1) > 60
    }


def test_only_the_engine_starts_tasks():
    """Tasks are started in `engine.py` and nowhere else."""
    others = {name: tree for name, tree in CODE.items() if name != "engine.py"}
    assert {} == {name: found for name, tree in others.items() if (found := TASK_STARTERS & words(tree))}


def test_the_engine_starts_tasks_in_a_group():
    """The engine starts every task in a TaskGroup, which owns it: no loose task, no `gather`."""
    engine = CODE["engine.py"]
    starters = {
        ast.unparse(node.value) for node in ast.walk(engine)
        if isinstance(node, ast.Attribute) and node.attr == "create_task"
    }
    assert set() == {"ensure_future", "gather"} & words(engine)
    assert set() == {starter for starter in starters if starter == "asyncio" or "loop" in starter}


def test_no_import_cycles():
    """No modules import each other in a ring, not even for their types."""
    names = {dotted(path): tree for path, tree in CODE.items()}
    graph = {name: (imported(tree) & names.keys()) - {name} for name, tree in names.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_the_sandbox_is_kept_apart_from_every_module():
    """The rule that the sandbox's model imports nothing of the extractor names every module but the errors and itself."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (forbidden,) = [set(one["forbidden_modules"]) for one in contracts if one["type"] == "forbidden"]
    modules = {".".join(dotted(path).split(".")[:2]) for path in CODE} - {"extractor"}
    assert modules - {"extractor.errors", "extractor.sandbox"} == forbidden


def test_the_package_is_typed():
    """Type checkers of users read our annotations: the marker file ships."""
    assert (ROOT / "extractor" / "py.typed").is_file()


@pytest.mark.parametrize("pattern", [OF_A_MACHINE, OF_A_REGISTRY], ids=["machine", "registry"])
def test_files_name_no_place(pattern: re.Pattern[str]):
    """No file names a path of somebody's machine or the address of a package registry."""
    found = {}
    for path in project_files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        if match := pattern.search(text):
            found[str(path.relative_to(ROOT))] = match.group()
    assert {} == found


def test_constraints_are_bare_pins():
    """`constraints.txt` holds `name==version` lines only, each name once: no address, no hash, no marker."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert [] == [line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][0-9A-Za-z.+!-]*", line)]
    assert len(lines) == len(pins())


def test_every_dependency_is_pinned():
    """What runs here, and what that needs in turn, is what `constraints.txt` pins: name by name, version by version."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    waiting = [Requirement(line) for line in (*project["dependencies"], *project["optional-dependencies"]["dev"])]
    installed = {}
    while waiting:
        need = waiting.pop()
        name = canonicalize_name(need.name)
        if name not in installed:
            installed[name] = importlib.metadata.version(name)
            further = map(Requirement, importlib.metadata.requires(name) or [])
            waiting += [other for other in further if other.marker is None or other.marker.evaluate({"extra": ""})]
    assert {name: pins().get(name) for name in installed} == installed
