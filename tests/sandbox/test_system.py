"""Methods about the portal itself."""


def result(bench, name, params=None, **rest):
    """Call a method; gives its result."""
    return bench().call(name, params, **rest)["result"]


def test_profile(bench):
    """`profile` needs no scope and says who calls and whether as an administrator (portal.md 8.1)."""
    profile = result(bench, "profile")
    assert list(profile) == ["ID", "ADMIN", "NAME", "LAST_NAME", "PERSONAL_GENDER", "TIME_ZONE"]
    assert (profile["ID"], profile["ADMIN"]) == ("1", True)
    assert result(bench, "profile", user=2, code="other")["ID"] == "2"


def test_scope(bench):
    """`scope` lists what was granted, and with `full` all there is; names have any case (portal.md 8.1)."""
    assert result(bench, "scope") == ["crm", "user"]
    assert result(bench, "scope", {"FULL": 1}) == ["crm", "task", "user"]


def test_app_info_of_a_webhook(bench):
    """`app.info` gives a webhook its scopes and the portal's licence (appInfo)."""
    assert result(bench, "app.info") == {"SCOPE": ["crm", "user"], "LICENSE": "ru_std"}
    assert bench(license_name="ru_ent250").call("app.info")["result"]["LICENSE"] == "ru_ent250"


def test_server_time(bench):
    """`server.time` is the portal's clock in the server's offset (portal.md 8.1)."""
    assert result(bench, "server.time") == "2024-08-26T14:00:00+03:00"


def test_method_get(bench):
    """`method.get` tells existing from available, controllers included, by the exact lowercase name (getMethod)."""
    assert result(bench, "method.get", {"name": "crm.deal.list"}) == {"isExisting": True, "isAvailable": True}
    assert result(bench, "method.get", {"NAME": "tasks.task.list"}) == {"isExisting": True, "isAvailable": False}
    for name in ("CRM.deal.list", "nope", None, ["x"]):
        assert result(bench, "method.get", {"name": name}) == {"isExisting": False, "isAvailable": False}


def test_methods(bench):
    """`methods` lists the granted scopes' methods, and never those of controllers (portal.md 8.1)."""
    names = result(bench, "methods")
    assert {"crm.deal.list", "user.get", "profile", "batch"} <= set(names)
    assert "tasks.task.list" not in result(bench, "methods", {"full": 1})


def test_methods_of_a_scope(bench):
    """`methods` may be asked for one scope (portal.md 8.1)."""
    assert result(bench, "methods", {"scope": "crm"}) == ["crm.deal.list"]
    assert result(bench, "methods", {"scope": "task"}) == []
