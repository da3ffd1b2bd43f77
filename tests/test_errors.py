"""What `errors` promises: a tree that is drawn where it is defined, and one sentence for a human."""

import re

import pytest

from extractor import errors

TREE = re.compile(r"^ {4}((?:[│ ] {3})*)(?:[├└]── )?(\w+) {2,}\S|^ {4}(B24xError)$", re.MULTILINE)


def drawn() -> dict[str, int]:
    """Every class in the docstring's tree, with its depth."""
    return {
        match[2] or match[3]: 0 if match[3] else len(match[1]) // 4 + 1
        for match in TREE.finditer(errors.__doc__ or "")
    }


def defined() -> dict[str, type[errors.B24xError]]:
    """Every error class of the module."""
    return {
        name: kind for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, errors.B24xError)
    }


def test_the_tree_in_the_docstring_is_the_tree_of_the_code():
    """Whoever reads the docstring knows every class, and how deep it hangs."""
    assert drawn() == {name: kind.__mro__.index(errors.B24xError) for name, kind in defined().items()}


@pytest.mark.parametrize("kind", defined().values(), ids=lambda kind: kind.__name__)
def test_every_error_ends_the_program_with_a_code_of_the_contract(kind):
    """The contract knows the exit codes 1 to 6 for errors."""
    assert kind.exit_code in range(1, 7)


def test_a_refusal_reads_as_one_sentence():
    """The portal's code and words make the message; either may be missing."""
    assert "ERROR_CORE: Access denied." == str(errors.PortalError("ERROR_CORE", "Access denied."))
    assert "error: no description" == str(errors.PortalError(""))
