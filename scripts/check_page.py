#!/usr/bin/env python3
"""The live page in a real browser, held to figures: draw, imitate, follow, stop; a second browser only watches.
Then a virtual hand guides the arm, and what is pressed on the page becomes an episode.

    scripts/check_page.py BINARY [FOLDER for pictures]

Chromium is Debian's package, and is installed where it is missing (root); accessibility is judged by axe-core, from a Python
package that is only read. Python 3.9 or later with pip, nothing else.
Exits with 1 when a figure is not reached.
"""
import base64
import json
import math
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import zipfile

BINARY = pathlib.Path(sys.argv[1]).resolve()
PICTURES = pathlib.Path(sys.argv[2]).resolve() if len(sys.argv) > 2 else None
ADDRESS = "127.0.43.80:0"
DEADLINE_S = 60
SEEN = "(performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? -1) / 1000"
STROKES = "Number(document.getElementById('canvas').dataset.strokes)"
failed = []


def hold(what, value, most, unit):
    verdict = "ok" if value <= most else "NOT REACHED"
    print(f"  {what}: {value:.3f} {unit}, allowed {most:.3f}: {verdict}", flush=True)
    if not value <= most:
        failed.append(what)


def must(what, holds, seen=""):
    print(f"  {what}: {'ok' if holds else f'NOT SO {seen}'}", flush=True)
    if not holds:
        failed.append(what)


def chromium():
    found = shutil.which("chromium")
    if found is None:
        subprocess.run(["apt-get", "update", "-q"], check=True, stdout=subprocess.DEVNULL)
        subprocess.run(["apt-get", "install", "-qy", "--no-install-recommends", "chromium"],
                       check=True, stdout=subprocess.DEVNULL)
        found = shutil.which("chromium")
    return found


def axe():
    """Deque's accessibility checks (MPL-2.0), to be run in a page."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps",
                        "--only-binary=:all:", "-d", folder, "axe-core-python==0.1.0"], check=True)
        with zipfile.ZipFile(next(pathlib.Path(folder).glob("*.whl"))) as wheel:
            return wheel.read("axe_core_python/axe.min.js").decode()


class Browser:
    """Chromium, spoken to by its debugging pipe."""

    def __init__(self, profile, *flags):
        to_read, self.to = os.pipe()
        self.of, to_write = os.pipe()

        def plumb():
            a, b = os.dup(to_read), os.dup(to_write)
            os.dup2(a, 3)
            os.dup2(b, 4)

        self.process = subprocess.Popen(
            [chromium(), "--headless=new", "--no-sandbox", "--remote-debugging-pipe", f"--user-data-dir={profile}",
             *flags, "--no-first-run", "--disable-sync",
             "--disable-background-networking", "--disable-component-update", "--window-size=1280,900", "about:blank"],
            preexec_fn=plumb, pass_fds=(3, 4), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_read)
        os.close(to_write)
        self.number, self.answers, self.tabs = 0, {}, {}
        self.news = threading.Condition()
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        rest = b""
        while chunk := os.read(self.of, 1 << 16):
            *messages, rest = (rest + chunk).split(b"\0")
            for message in map(json.loads, messages):
                with self.news:
                    if "id" in message:
                        self.answers[message["id"]] = message
                    elif tab := self.tabs.get(message.get("sessionId")):
                        tab.hear(message["method"], message["params"])
                    self.news.notify_all()

    def ask(self, method, session=None, **params):
        with self.news:
            self.number += 1
            number = self.number
        message = {"id": number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        os.write(self.to, json.dumps(message).encode() + b"\0")
        with self.news:
            if not self.news.wait_for(lambda: number in self.answers, DEADLINE_S):
                sys.exit(f"the browser does not answer {method}")
            answer = self.answers.pop(number)
        if "error" in answer:
            sys.exit(f"{method}: {answer['error']}")
        return answer["result"]

    def open(self, url):
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        tab = Tab(self, session)
        self.tabs[session] = tab
        for domain in ("Page", "Runtime", "Log", "Network"):
            tab.ask(f"{domain}.enable")
        # The browser's own start is not the page's: it has painted something before.
        tab.ask("Page.navigate", url=urllib.parse.urljoin(url, "/three-license.txt"))
        tab.until("the browser paints", lambda: tab.does(SEEN) > 0)
        tab.ask("Page.navigate", url=url)
        return tab


class Tab:
    def __init__(self, browser, session):
        self.browser, self.session = browser, session
        self.errors, self.requests, self.updates, self.now, self.loads = [], [], [], {}, 0

    def ask(self, method, **params):
        return self.browser.ask(method, self.session, **params)

    def hear(self, method, params):
        if method == "Runtime.exceptionThrown":
            self.errors.append(params["exceptionDetails"].get("exception", {}).get("description", "exception"))
        elif method == "Runtime.consoleAPICalled" and params["type"] == "error":
            self.errors.append(str(params["args"]))
        elif method == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.errors.append(f"{params['entry']['text']} {params['entry'].get('url')}")
        elif method == "Page.loadEventFired":
            self.loads += 1
        elif method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif method == "Network.webSocketCreated":
            self.requests.append(params["url"])
        elif method == "Network.webSocketFrameReceived":
            message = json.loads(params["response"]["payloadData"])
            if "now" in message:
                self.now = message["now"]
                self.updates.append((time.monotonic(), self.now))

    def does(self, script):
        result = self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        return result["result"].get("value")

    def text(self, name):
        return self.does(f"document.getElementById('{name}').textContent")

    def until(self, what, condition):
        end = time.monotonic() + DEADLINE_S
        while not condition():
            if time.monotonic() > end:
                said = self.does("document.getElementById('said')?.textContent")
                sys.exit(f"{what}: still not so: {self.now} {self.errors} {said}")
            time.sleep(0.005)
        return time.monotonic()

    def middle(self, name):
        box = self.does(f"(b => [b.left, b.top, b.width, b.height])(document.getElementById('{name}').getBoundingClientRect())")
        return box[0] + box[2] / 2, box[1] + box[3] / 2, box[2]

    def mouse(self, kind, x, y):
        button = "none" if kind == "mouseMoved" and not self.is_down else "left"
        self.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button=button, clickCount=1,
                 buttons=1 if self.is_down else 0, pointerType="pen" if self.is_down else "mouse")

    is_down = False

    def click(self, name):
        self.does(f"document.getElementById('{name}').scrollIntoView({{block: 'center'}})")
        x, y, _ = self.middle(name)
        at = time.monotonic()
        self.mouse("mousePressed", x, y)
        self.mouse("mouseReleased", x, y)
        return at

    def key(self, key, **more):
        words = {"Enter": {"text": "\r"}}.get(key, {})
        code = {" ": "Space"}.get(key, key)
        number = {"Tab": 9, "Enter": 13, " ": 32, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40}[key]
        for kind in ("keyDown", "keyUp"):
            self.ask("Input.dispatchKeyEvent", type=kind, key=key, code=code, windowsVirtualKeyCode=number, **words, **more)

    def tab_to(self, name):
        """By the Tab key alone, however far it is; what it has passed, and whether each showed that it has the focus."""
        passed, dark = [], []
        for _ in range(80):
            self.key("Tab")
            here, seen = self.does("(e => [e.id, parseFloat(getComputedStyle(e).outlineWidth) >= 2"
                                   " && getComputedStyle(e).outlineStyle !== 'none'])(document.activeElement)")
            passed.append(here)
            if here and not seen:
                dark.append(here)
            if here == name:
                return passed, dark
        sys.exit(f"no way by Tab to {name}: {passed}")

    def accessible(self, what):
        """Contrast, names, roles and the rest of WCAG 2.1 A and AA that a program can tell, in light and in dark."""
        for scheme in ("light", "dark"):
            self.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
            self.does(AXE)
            found = self.does("axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']}).then(r => "
                              "({passed: r.passes.length, contrast: r.passes.some(p => p.id === 'color-contrast'), wrong: "
                              "r.violations.map(v => [v.id, v.help, v.nodes.map(n => n.target.join(' '))])}))")
            must(f"{what} is accessible, {scheme}: {found['passed']} rules, contrast among them",
                 found["contrast"] and not found["wrong"], found["wrong"])
        self.ask("Emulation.setEmulatedMedia", features=[])

    def stroke(self, points):
        """Draws `points`, -0.5 to 0.5 of the board's side, with pointer events."""
        self.does("document.getElementById('canvas').scrollIntoView({block: 'center'})")
        x, y, side = self.middle("canvas")
        places = [(x + side * u, y - side * v) for u, v in points]
        self.mouse("mouseMoved", *places[0])
        self.is_down = True
        self.mouse("mousePressed", *places[0])
        for place in places[1:]:
            self.mouse("mouseMoved", *place)
        self.is_down = False
        self.mouse("mouseReleased", *places[-1])

    def picture(self, name, size=None, scheme=None):
        """Only where nothing is measured after it: to be another device takes a browser without graphics card seconds."""
        if PICTURES is None:
            return
        PICTURES.mkdir(parents=True, exist_ok=True)
        if size:
            self.ask("Emulation.setDeviceMetricsOverride", width=size[0], height=size[1], deviceScaleFactor=1, mobile=True)
        if scheme:
            self.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        time.sleep(0.5)
        self.does("scrollTo(0, 0)")
        data = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=size is not None)["data"]
        (PICTURES / f"{name}.png").write_bytes(base64.b64decode(data))


def wave(n=90):
    return [(-0.34 + 0.68 * k / n, 0.18 * math.sin(2 * math.pi * k / n)) for k in range(n + 1)]


def moved(a, b, joints="q_c_rad"):
    return max(abs(x - y) for x, y in zip(a[joints], b[joints]))


# Between two updates: far above what a sensor trembles at rest, far below any motion, rad.
TREMBLE_RAD = 5e-4


def main():
    serve(["run", "--sim"], judge)
    serve(["teach", "--sim", "--hand", "circle", "--task", "trace"], teach)


def serve(words, judge):
    """Starts the program with its page, opens it in two browsers and judges it."""
    folder = pathlib.Path(tempfile.mkdtemp())
    words = [BINARY, *words, "--serve", ADDRESS]
    print("$ franka-imit", *words[1:], flush=True)
    log = open(folder / "out", "w+")
    program = subprocess.Popen(words, cwd=folder, stdout=log, stderr=subprocess.STDOUT)
    end, url = time.monotonic() + DEADLINE_S, None
    while url is None and time.monotonic() < end and program.poll() is None:
        url = re.search(r"^page +(http\S+)$", (folder / "out").read_text(), re.M)
        time.sleep(0.02)
    if url is None:
        sys.exit((folder / "out").read_text())
    url = url.group(1)
    # The second one can draw nothing in three dimensions, as some tablets.
    browsers = [Browser(folder / "first", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"),
                Browser(folder / "second", "--disable-gpu", "--disable-software-rasterizer")]
    try:
        judge(*browsers, url, folder)
    finally:
        for browser in browsers:
            browser.process.kill()
        program.send_signal(signal.SIGINT)
        code = program.wait(timeout=DEADLINE_S)
    must("the program ends as asked", code == 0, f"{code}\n{(folder / 'out').read_text()}")
    shutil.rmtree(folder, ignore_errors=True)


def judge(browser, other, url, _folder):
    page = browser.open(url)
    page.until("the page is live", lambda: page.now and "operate" in page.text("role"))
    views = []
    for _ in range(3):
        loads = page.loads
        page.ask("Page.reload", ignoreCache=True)
        page.until("the page is loaded", lambda: page.loads > loads)
        page.until("something is seen", lambda: (page.does(SEEN) or 0) > 0)
        views.append(page.does(SEEN))
        page.now = {}
        page.until("the page is live again", lambda: page.now and "operate" in (page.text("role") or ""))
    print(f"  first views: {', '.join(f'{view:.3f}' for view in views)} s, nothing kept from before")
    hold("first view, median", sorted(views)[1], 1.0, "s")
    page.until("the arm is shown", lambda: page.does("!!document.querySelector('#scene canvas')"))
    page.until("it is the Panda", lambda: page.does("document.getElementById('scene').dataset.arm") == "surfaces")
    weight = page.does("performance.getEntriesByType('resource').concat(performance.getEntriesByType('navigation'))"
                       ".reduce((sum, e) => sum + e.transferSize, 0)") / 1e6
    hold("weight as sent", weight, 2.0, "MB")
    must("the token has left the address", "t=" not in page.does("location.href"))

    second = other.open(url)
    second.until("the second page is live", lambda: second.now and "another page" in second.text("role"))
    second.until("it says what it cannot show", lambda: "no 3-D view" in second.text("scene"))
    second.stroke(wave())
    must("the second browser cannot imitate", second.does("document.getElementById('imitate').disabled"))

    page.stroke(wave())
    page.stroke([(-0.3, 0.3), (0.3, 0.3)])
    page.until("the line is judged", lambda: page.text("reach").startswith("within reach"))
    must("a ghost stands at the pen", page.does("document.getElementById('scene').dataset.preview") == "true")
    must("two strokes are two", page.does(STROKES) == 2)
    page.click("undo")
    must("Undo takes the last back", page.does(STROKES) == 1)
    page.until("Imitate can be pressed", lambda: not page.does("document.getElementById('imitate').disabled"))
    rest = page.now
    pressed = page.click("imitate")
    page.until("the arm moves", lambda: page.now["stage"] == "driving" and moved(page.now, rest) > 1e-5)
    hold("from Imitate to the first movement", next(t for t, now in page.updates if now["stage"] == "driving"
                                                    and moved(now, rest) > 1e-5) - pressed, 2.0, "s")
    page.until("the path", lambda: page.now["mode"] == "following" and page.now["laps"][0] > 0.5)
    page.until("the end", lambda: page.now["stage"] == "waiting")
    page.until("the words", lambda: "done, at rest" in page.text("said"))
    mean, largest = (float(page.text(f"contour-{name}").split()[0]) for name in ("mean", "max"))
    hold("from the curve, mean", mean, 1.0, "mm")
    hold("from the curve, max", largest, 3.0, "mm")
    driven = [t for t, now in page.updates if now["stage"] == "driving"]
    hold("between two updates while driving, mean", (driven[-1] - driven[0]) / (len(driven) - 1), 1 / 25, "s")
    must("the second browser has seen it", "done, at rest" in second.text("said"))
    counted = [now["policies"] for _, now in page.updates if now["stage"] == "driving"][-1]
    signs = dict(sign.split() for sign in page.does("document.getElementById('error').dataset.signs").split(", "))
    must("each policy taken over, refused or given up has its sign",
         [int(signs[kind]) for kind in ("taken", "refused", "given")] == counted[1:], (signs, counted))
    for chart in ("error", "limit", "step", "training"):
        must(f"the plot '{chart}' says how often it is sampled", re.search(r"\d.* (a second|times)", page.text(f"{chart}-rate")),
             page.text(f"{chart}-rate"))

    page.does("document.getElementById('laps').value = 0")
    page.click("imitate")
    page.until("the path", lambda: page.now["mode"] == "following" and page.now["laps"][0] > 0.2)
    pressed = page.click("hold")
    page.until("it is paused", lambda: page.now["held"] and page.text("mode") == "paused")
    page.until("time rests", lambda: page.updates[-1][1]["tau_s"] == page.updates[-9][1]["tau_s"])
    last = max((t for (t, now), (_, before) in zip(page.updates[1:], page.updates)
                if t > pressed and moved(now, before, "q_rad") > TREMBLE_RAD), default=pressed)
    hold("from Pause to rest", last - pressed, 0.5, "s")
    held = page.now
    must("the button says how to go on", page.text("hold") == "Go on")
    page.click("hold")
    page.until("it goes on", lambda: page.now["tau_s"] > held["tau_s"] + 0.1)
    must("it is still on the path", page.now["contour_so_far_mm"][1] < 3.0, page.now["contour_so_far_mm"])
    page.does("(r => { r.value = 0.5; r.dispatchEvent(new Event('change')); })(document.getElementById('rate'))")
    page.until("it is slower", lambda: page.now["speed"] == 0.5)
    page.ask("Input.dispatchKeyEvent", type="keyDown", code="Space", key=" ")
    page.until("rest", lambda: page.now["stage"] == "waiting")
    page.until("a new drawing may come", lambda: not page.does("document.getElementById('imitate').disabled"))

    for how, press in (("STOP", lambda: page.click("stop")),
                       ("the space bar", lambda: page.ask("Input.dispatchKeyEvent", type="keyDown", code="Space", key=" ")),
                       ("STOP of the second browser", lambda: second.click("stop"))):
        page.does("document.getElementById('laps').value = 0")
        page.click("imitate")
        page.until("the path", lambda: page.now["mode"] == "following" and page.now["laps"][0] > 0.3)
        pressed = time.monotonic()
        pressed = press() or pressed
        page.until("rest", lambda: page.now["stage"] == "waiting")
        last = max(t for (t, now), (_, before) in zip(page.updates[1:], page.updates)
                   if t > pressed and moved(now, before, "q_rad") > TREMBLE_RAD)
        hold(f"from {how} to rest", last - pressed, 0.3, "s")
        page.until("a new drawing may come", lambda: not page.does("document.getElementById('imitate').disabled"))

    page.click("clear")
    page.does("document.getElementById('laps').value = 1; document.activeElement.blur(); scrollTo(0, 0)")
    page.tab_to("canvas")
    page.key("Enter")
    for key, times in (("ArrowRight", 8), ("ArrowUp", 4), ("ArrowLeft", 5)):
        for _ in range(times):
            page.key(key)
    page.key("Enter")
    must("a stroke is drawn by keyboard", page.does(STROKES) == 1)
    page.until("Imitate can be pressed", lambda: not page.does("document.getElementById('imitate').disabled"))
    page.tab_to("imitate")
    page.key("Enter")
    page.until("the path", lambda: page.now["mode"] == "following")
    page.tab_to("learning")
    page.key(" ")
    page.until("rest", lambda: page.now["stage"] == "waiting")
    page.until("a new drawing may come", lambda: not page.does("document.getElementById('imitate').disabled"))
    page.tab_to("canvas")
    passed, dark = page.tab_to("canvas")
    enabled = page.does("[...document.querySelectorAll('button, input, select, summary')].filter(e => "
                        "!e.disabled && !e.closest('fieldset:disabled') && e.checkVisibility()).map(e => e.id)")
    missing = [name for name in enabled if name and name not in passed]
    must("everything that can be pressed is reached by Tab", not missing, missing)
    must("the focus is always seen", not dark, dark)
    page.accessible("the page")

    page.click("clear")
    page.stroke([(-0.3, 0.2), (-0.1, 0.2), (0.3, 0.2)])
    page.stroke([(-0.3, -0.2), (0.3, -0.2)])
    must("two strokes are drawn", page.does(STROKES) == 2, page.does(STROKES))
    page.does("document.getElementById('laps').value = 1")
    page.click("imitate")
    page.until("the path", lambda: page.now["mode"] == "following")
    begun = len(page.updates)
    page.until("the end", lambda: page.now["stage"] == "waiting")
    heights = [now["O_p_EE_m"][2] for _, now in page.updates[begun:] if now["mode"] == "following"]
    must("the pen is lifted between them", max(heights) > 0.515 and min(heights) < 0.502, (min(heights), max(heights)))
    page.until("a new drawing may come", lambda: not page.does("document.getElementById('imitate').disabled"))

    page.does("document.getElementById('laps').value = 0")
    page.click("imitate")
    page.until("the path", lambda: page.now["mode"] == "following" and page.now["laps"][0] > 0.5)
    page.picture("following", scheme="light")
    second.picture("without-3-d")
    page.ask("Input.dispatchKeyEvent", type="keyDown", code="Space", key=" ")
    page.picture("dark", scheme="dark")
    page.picture("phone", (390, 844))
    clean({"first": page, "second": second}, url)
    page.ask("Network.setBlockedURLs", urls=["*/panda.bin"])
    page.ask("Page.reload", ignoreCache=True)
    page.until("capsules in the place of surfaces that do not come",
               lambda: page.does("document.getElementById('scene')?.dataset.arm") == "capsules")
    page.picture("capsules")


def teach(browser, other, url, folder):
    page = browser.open(url)
    lesson = lambda: page.now.get("lesson") or {}
    page.until("the lesson", lambda: lesson() and "operate" in page.text("role"))
    second = other.open(url)
    second.until("the second page is live", lambda: second.now and "another page" in second.text("role"))
    must("the second browser cannot record", second.does("document.getElementById('teach-toggle').disabled"))
    page.click("teach-toggle")
    page.until("an episode", lambda: lesson()["state"] == "recording")
    page.until("the hand on its way", lambda: lesson()["recorded_s"] > 8 and lesson()["guided"])
    page.until("the hand to let go", lambda: not lesson()["guided"])
    page.click("teach-toggle")
    page.until("the question", lambda: lesson()["state"] == "review")
    page.click("teach-label")
    page.ask("Input.insertText", text="round")
    page.click("teach-say")
    page.click("teach-done")
    page.until("the question is seen", lambda: "keep it" in page.text("teach-state"))
    page.accessible("the page of teaching")
    page.picture("teach")
    page.picture("teach-phone", (390, 844))
    clean({"teacher's": page, "second": second}, url)
    page.click("teach-keep")
    end = time.monotonic() + DEADLINE_S
    while time.monotonic() < end and "taught" not in (folder / "out").read_text():
        time.sleep(0.02)
    listed = subprocess.run([BINARY, "demos", "ls", "--json"], cwd=folder, capture_output=True, text=True).stdout
    must("what was recorded at the page is an episode", "trace" in listed and "round" in listed, listed)


def clean(tabs, url):
    for name, tab in tabs.items():
        must(f"no error on the {name} page", not tab.errors, tab.errors)
        host = urllib.parse.urlparse(url).netloc
        away = [u for u in tab.requests if urllib.parse.urlparse(u).netloc != host]
        must(f"no request of the {name} page leaves the machine", not away, away)


AXE = axe()
main()
if failed:
    sys.exit(f"not reached: {', '.join(failed)}")
