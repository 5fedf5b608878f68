"""The status page in a browser, before a gateway that works.

Screenshots of it under load stand in target/e2e/screenshots afterwards.
"""

import json
import time

from browser import Browser
from scene import ADMIN_TOKEN, CALLS, HOSTILE, METADATA, SERVER_PATH, Scene
from selenium.webdriver.common.keys import Keys

ROW = """
const row = [...document.querySelectorAll('#operations tbody')]
    .find((row) => row.querySelector('.open').textContent === arguments[0]);
return row && [...row.querySelectorAll('tr:first-child > *')].map((cell) => cell.textContent);
"""
REASONS = """
const rows = [...document.querySelectorAll('#reasons tbody tr')];
return Object.fromEntries(rows.map((row) => [row.cells[0].textContent, row.cells[1].textContent]));
"""
# Counts how often a live region changes from now on.
WATCH = """
window.said = 0;
for (const node of document.querySelectorAll('[role=status], [role=alert], [aria-live]'))
    new MutationObserver(() => { window.said += 1 }).observe(node, {childList: true, characterData: true, subtree: true});
"""
ACTIVE = "const it = document.activeElement; return it.id || it.dataset.sort || it.className || it.tagName"


def number(text: str) -> int:
    return int(text.replace(",", ""))


def open_ready(browser: Browser, scene: Scene) -> None:
    browser.open(scene.url)
    browser.wait(lambda: browser.text("#state") == "ready", "it is ready")


def wait_for_poll(browser: Browser) -> None:
    before = browser.text("#updated")
    browser.wait(lambda: browser.text("#updated") != before, "the page goes on asking")


def names(browser: Browser) -> list[str]:
    return browser.texts("#operations .open")


def test_counts_are_those_of_a_gateway_under_load(browser: Browser, scene: Scene):
    open_ready(browser, scene)
    loads = [scene.load(), scene.load()]
    try:
        browser.wait(lambda: browser.text("#tile-requests [data-figure=rate]") not in ("–", "0", "0.0"), "a rate")
        row = browser.wait(lambda: browser.run(ROW, METADATA), "a row")
        browser.wait(lambda: number(browser.run(ROW, METADATA)[2]) > number(row[2]) > 0, "a count that grows")
        browser.wait(lambda: "µs" in browser.text("#tile-own [data-figure=p50]"), "the gateway's own time")
        assert "a second" in browser.one("#tile-requests svg").get_attribute("aria-label")

        # Counts tell nothing to those who listen.
        browser.run(WATCH)
        for _ in range(3):
            wait_for_poll(browser)
        assert browser.run("return window.said") == 0

        # Plots are made to be looked at when there is something in them.
        for _ in range(20):
            wait_for_poll(browser)
        for scheme in ("light", "dark"):
            browser.scheme(scheme)
            browser.screenshot(scheme)
        browser.size(400, 900)
        browser.screenshot("narrow")
        assert browser.run("return document.documentElement.scrollWidth <= 400")
        for width, scheme in ((400, "dark"), (1280, "dark"), (1280, "light")):
            browser.size(width, 900)
            browser.scheme(scheme)
            assert browser.violations() == [], (width, scheme)
    finally:
        for load in loads:
            load.stop()
    assert [load.failure for load in loads] == [None, None]

    sent = loads[0].sent + loads[1].sent
    permitted = sum(count for (*_, status), count in sent.items() if status == 200)

    def reads() -> bool:
        return number(browser.run(REASONS).get("ok", "0")) == permitted

    browser.wait(reads, f"{permitted} permitted requests")
    wait_for_poll(browser)
    by_reason = {
        "ok": permitted,
        "action_missing": sent["metadata-only", "PUT", f"{SERVER_PATH}/metadata", 403]
        + sent["auditor", "POST", f"{SERVER_PATH}/action", 403],
        "project_mismatch": sent["other-project", "GET", f"{SERVER_PATH}/metadata", 403],
        "token_missing": sent["nobody", "GET", f"{SERVER_PATH}/metadata", 401],
        "route_unknown": sent["reader", "GET", "/v2.1/nowhere", 404],
    }
    assert all(count > 0 for count in by_reason.values())
    assert {reason: number(count) for reason, count in browser.run(REASONS).items()} == by_reason
    # Helpdesk and operator may read metadata; a token of another project may not.
    of_row = [number(cell) for cell in browser.run(ROW, METADATA)[2:5]]
    metadata = f"{SERVER_PATH}/metadata"
    allowed = sent["operator", "GET", metadata, 200] + sent["helpdesk", "GET", metadata, 200]
    assert of_row == [allowed, sent["other-project", "GET", metadata, 403], 0]
    assert f"{sum(sent.values()):,} in all" in browser.text("#tile-requests [data-figure=note]")
    assert browser.texts("#refusals-count") == ["100"]
    assert browser.complaints() == []


def test_everything_a_gateway_tells_is_there(browser: Browser, scene: Scene):
    for persona, method, path, body, expected in CALLS:
        assert scene.call(persona, method, path, body) == expected
    open_ready(browser, scene)
    browser.wait(lambda: len(browser.texts("#refusals tbody tr")) == 5, "five refusals")
    assert browser.text("#version").startswith("0.")
    assert browser.text("#parts").count("sha256:") == 1
    assert "actiongate.toml" in browser.text("#parts")
    assert browser.texts("#issuers b") == ["https://iam.demo.example", "https://login.partner.example"]
    assert "read " in browser.text("#issuers .muted") and " ago" in browser.text("#issuers .muted")
    assert browser.texts("#issuers .chips li") == ["demo-1 ES256", "demo-2 ES256", "2026-11 ES256"]
    assert browser.texts("#endpoints .badge") == ["up", "up"]
    newest, *_, oldest = browser.texts("#refusals tbody tr")
    assert "route_unknown" in newest and "GET" in newest and "req-" in newest
    assert "ecs:servers:get" in oldest and "metadata-only" in oldest and "status 403" in oldest
    assert "PUT /v2.1/{project_id}/servers/{server_id}/metadata" in oldest
    # A token is nowhere in what the page got.
    text = browser.run("return document.documentElement.outerHTML")
    assert not any(token in text for token in scene.tokens.values())


def test_operations_are_searched_filtered_and_sorted(browser: Browser, scene: Scene):
    for persona, method, path, body, _ in CALLS:
        scene.call(persona, method, path, body)
    open_ready(browser, scene)
    browser.wait(lambda: browser.run(ROW, METADATA)[2:5] == ["7", "1", "0"], "counts")
    everything = names(browser)
    assert len(everything) > 100
    search = browser.one("#search")
    for words, found in [
        ("querying ecs metadata (native", [METADATA]),  # a name
        ("listmetadata native", [METADATA]),  # an action and a name
        ("get /v2.1/{project_id}/flavors/detail", ["Listing flavor details about an ECS"]),  # a route
        ("no such words", []),
    ]:
        search.clear()
        search.send_keys(words)
        assert [name for name in names(browser) if name in found] == found, words
        assert len(names(browser)) < 4, words
        assert browser.text("#announcer") == f"{len(names(browser))} of {len(everything)} operations"
    assert browser.shown("#no-operation")
    search.clear()
    search.send_keys(" ")
    assert len(names(browser)) == len(everything)

    browser.one("#refused-only").click()
    refused = names(browser)
    assert METADATA in refused and len(refused) == 3
    browser.one("#refused-only").click()

    assert browser.one("th[aria-sort=descending]").text.startswith("Permitted")
    assert names(browser)[0] == METADATA
    by_name = browser.one("[data-sort=permission]")
    by_name.click()
    assert browser.one("th[aria-sort]").get_attribute("aria-sort") == "ascending"
    ascending = names(browser)
    initials = [name[0].upper() for name in ascending]
    assert initials == sorted(initials) and sorted(ascending) == sorted(everything)
    by_name.click()
    assert browser.one("th[aria-sort]").get_attribute("aria-sort") == "descending"
    assert names(browser) == ascending[::-1]
    browser.one("[data-sort=denied]").click()
    assert set(names(browser)[:3]) == set(refused)

    # Rows do not move while somebody has the focus in one, and do afterwards.
    standing = names(browser)
    assert standing[0] != METADATA
    browser.run("document.querySelector('#operations .open').focus()")
    for _ in range(3):
        assert scene.call("other-project", "GET", f"{SERVER_PATH}/metadata") == 403
    browser.wait(lambda: browser.run(ROW, METADATA)[3] == "4", "more refusals")
    assert names(browser) == standing
    browser.run("document.activeElement.blur()")
    browser.wait(lambda: names(browser)[0] == METADATA, "rows in the new order")
    assert browser.complaints() == []


def test_the_keyboard_reaches_everything(browser: Browser, scene: Scene):
    for persona, method, path, body, _ in CALLS:
        scene.call(persona, method, path, body)
    open_ready(browser, scene)
    browser.wait(lambda: len(browser.texts("#refusals tbody tr")) == 5, "five refusals")
    browser.press(Keys.TAB)
    assert browser.run(ACTIVE) == "skip"
    browser.press(Keys.ENTER)
    assert browser.run(ACTIVE) == "main"
    browser.tab_to("#search")
    browser.press(*"listmetadata")
    browser.tab_to("[data-sort=denied]")
    browser.press(Keys.SPACE)
    assert browser.one("th[aria-sort=descending]").text.startswith("Denied")
    browser.tab_to("#operations .open")
    browser.press(Keys.ENTER)
    assert browser.one("#operations .open").get_attribute("aria-expanded") == "true"
    detail = browser.one("#operations .open").get_attribute("aria-controls")
    assert "GET /v2.1/{project_id}/servers/{server_id}/metadata" in browser.text(f"#{detail}")
    assert "ecs:servers:listMetadata" in browser.text(f"#{detail}")
    assert browser.violations() == []
    # What has the focus keeps it, and what is open stays open, when there are new counts.
    wait_for_poll(browser)
    assert browser.run(ACTIVE) == "open" and browser.shown(f"#{detail}")
    browser.press(Keys.ENTER)
    assert not browser.shown(f"#{detail}")

    browser.tab_to("#refusals .copy")
    shown = browser.texts("#refusals .copy")
    browser.press(Keys.ENTER)
    browser.wait(lambda: browser.text("#announcer") == "Request ID copied", "it says so")
    # Nothing is taken away from somebody who is there.
    scene.call("nobody", "GET", SERVER_PATH)
    browser.wait(lambda: browser.run(REASONS).get("token_missing") == "2", "one refusal more")
    assert browser.texts("#refusals .copy") == shown and browser.shown("#held")
    browser.tab_to("body, .skip")
    browser.wait(lambda: len(browser.texts("#refusals .copy")) == len(shown) + 1, "and shown later")

    browser.tab_to("#pause")
    browser.press(Keys.SPACE)
    assert browser.one("#pause").get_attribute("aria-pressed") == "true"
    assert browser.text("#updated").startswith("paused at")
    scene.call("nobody", "GET", SERVER_PATH)
    time.sleep(1.5)  # Longer than from one poll to the next: that nothing happens gives no signal.
    assert browser.run(REASONS)["token_missing"] == "2"
    browser.press(Keys.SPACE)
    browser.wait(lambda: browser.run(REASONS)["token_missing"] == "3", "it goes on")
    assert browser.complaints() == []


def test_what_callers_and_issuers_say_stays_text(browser: Browser, scene: Scene):
    keys = scene.folder / "jwks.json"
    keys.write_text(keys.read_text().replace('"demo-2"', json.dumps(HOSTILE)))
    scene.end()
    scene.start()
    assert scene.call("hostile", "PUT", f"{SERVER_PATH}/metadata", {"metadata": {}}) == 403
    open_ready(browser, scene)
    browser.wait(lambda: browser.texts("#refusals .caller .mono") == [HOSTILE], "the caller's subject")
    assert f"{HOSTILE} ES256" in browser.texts("#issuers .chips li")
    assert browser.run("return document.querySelectorAll('img, script:not([src]), [onerror]').length") == 0
    assert browser.run("return document.title") == "ready – actiongate"
    assert browser.complaints() == []


def test_a_gateway_that_is_away_is_noticed_and_so_is_its_return(browser: Browser, scene: Scene):
    assert scene.call("operator", "GET", f"{SERVER_PATH}/metadata") == 200
    open_ready(browser, scene)
    browser.wait(lambda: browser.run(ROW, METADATA)[2] == "1", "a count")
    scene.end()
    browser.wait(lambda: browser.text("#state") == "away", "it is away")
    assert "The gateway does not answer" in browser.text("#notices")
    assert "What is shown is of" in browser.text("#notices")
    assert browser.text("#announcer").startswith("The gateway is away.")
    assert browser.run(ROW, METADATA)[2] == "1"
    browser.screenshot("away")
    assert browser.violations() == []
    # It asks ever more seldom.
    browser.wait(lambda: "every 4 s now" in browser.text("#notices"), "patience")
    scene.start()
    browser.wait(lambda: browser.text("#state") == "ready", "it is back")
    assert browser.texts("#notices li") == []
    assert browser.text("#announcer") == "The gateway is ready."
    browser.wait(lambda: browser.run(ROW, METADATA)[2] == "0", "counts of another process")
    assert all("ERR_CONNECTION_REFUSED" in complaint for complaint in browser.complaints())


def test_a_token_is_asked_for_and_what_is_missing_is_told(browser: Browser, guarded: Scene):
    browser.open(guarded.url)
    browser.wait(lambda: browser.shown("#token-form"), "a form")
    assert browser.text("#state") == "token needed" and not browser.shown("#content")
    assert browser.run(ACTIVE) == "token"
    browser.screenshot("token")
    assert browser.violations() == []
    browser.press(*"wrong", Keys.ENTER)
    browser.wait(lambda: browser.text("#token-error") == "This is not the token.", "a refusal")
    browser.press(*ADMIN_TOKEN, Keys.ENTER)
    browser.wait(lambda: browser.shown("#content"), "the content")
    assert not browser.shown("#token-form")
    assert browser.run("return localStorage.length + sessionStorage.length + document.cookie.length") == 0
    assert all("401" in complaint for complaint in browser.complaints())

    assert browser.text("#state") == "not ready"
    assert browser.texts("#notices li") == ["Not ready: the keys of https://login.partner.example"]
    assert "unavailable" in browser.texts("#issuers .badge")
    for scheme in ("light", "dark"):
        browser.scheme(scheme)
        assert browser.violations() == [], scheme
    guarded.keys.start()
    browser.wait(lambda: browser.text("#state") == "ready", "it is ready")
    assert browser.text("#announcer") == "The gateway is ready."
    assert browser.texts("#notices li") == []

    browser.open(guarded.url)
    browser.wait(lambda: browser.shown("#token-form"), "the page has forgotten the token")
