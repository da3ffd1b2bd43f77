"""Tests marked `soak` run where they are asked for (`-m soak`), and nowhere else."""


def pytest_collection_modifyitems(config, items):
    """Leave the long ones out."""
    if "soak" in config.option.markexpr:
        return
    long = [item for item in items if item.get_closest_marker("soak")]
    config.hook.pytest_deselected(items=long)
    items[:] = [item for item in items if item not in long]
