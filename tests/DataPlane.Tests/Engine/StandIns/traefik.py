#!/usr/bin/python3
"""In place of Traefik: routes by the labels of containers, which it reads through the socket proxy, and by the file that the platform mounts, and asks who has the key of a
call (forwardAuth). Speaks HTTP on both public ports; TLS, certificates and rates are not its subject."""
import http.client
import http.server
import json
import os
import re
import sys
import threading
import urllib.error
import urllib.request

import yaml

options = dict(argument.removeprefix("--").split("=", 1) for argument in sys.argv[1:] if "=" in argument)


def matches(rule, host, path):
    """Evaluates Traefik's rules: Host, Path, PathPrefix and PathRegexp with &&, || and !."""
    functions = {
        "Host": lambda argument: host == argument, "Path": lambda argument: path == argument, "PathPrefix": path.startswith,
        "PathRegexp": lambda argument: bool(re.search(argument, path)),
    }
    def value(match):
        return str(functions[match[1]](match[2]))
    expression = re.sub(r"(\w+)\(`([^`]*)`\)", value, rule).replace("&&", " and ").replace("||", " or ").replace("!", " not ")
    if not re.fullmatch(r"(\s|and|or|not|True|False|[()])*", expression):
        raise ValueError("unknown rule " + rule)
    return eval(expression)


def of_file():
    with open(options["providers.file.filename"], encoding="utf-8") as file:
        text = re.sub(r'{{ env "(\w+)" }}', lambda match: os.environ[match[1]], file.read())
    routes = yaml.safe_load(text)["http"]
    for router in routes["routers"].values():
        server = routes["services"][router["service"]]["loadBalancer"]["servers"][0]["url"]
        yield router["rule"], router["entryPoints"], server.removeprefix("http://"), {}


def of_containers():
    with urllib.request.urlopen(options["providers.docker.endpoint"].replace("tcp:", "http:") + "/v1.41/containers/json", timeout=5) as response:
        containers = json.load(response)
    for container in containers:
        labels = container["Labels"]
        for label, rule in labels.items():
            router = re.fullmatch(r"traefik\.http\.routers\.([\w-]+)\.rule", label)
            if router and labels.get("traefik.enable") == "true":
                name = router[1]
                address = container["NetworkSettings"]["Networks"][labels["traefik.docker.network"]]["IPAddress"]
                port = labels[f"traefik.http.services.{name}.loadbalancer.server.port"]
                middlewares = labels.get(f"traefik.http.routers.{name}.middlewares", "").split(",")
                settings = {
                    label.removeprefix(f"traefik.http.middlewares.{middleware}."): value
                    for middleware in middlewares for label, value in labels.items() if label.startswith(f"traefik.http.middlewares.{middleware}.")
                }
                yield rule, labels[f"traefik.http.routers.{name}.entrypoints"].split(","), f"{address}:{port}", settings


def check(settings, headers):
    """Asks the address of forwardAuth. Returns its answer unless it agrees, and the headers to pass on."""
    if "forwardauth.address" not in settings:
        return None, headers
    names = settings["forwardauth.authrequestheaders"].lower().split(",")
    request = urllib.request.Request(settings["forwardauth.address"], headers={name: value for name, value in headers.items() if name.lower() in names})
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            answered = response.headers
    except urllib.error.HTTPError as error:
        return error, headers
    replaced = re.compile(settings["forwardauth.authresponseheadersregex"])
    kept = {name: value for name, value in headers.items() if not replaced.search(name.title())}
    return None, kept | {name: value for name, value in answered.items() if replaced.search(name.title())}


def handler(entry_point):
    class Handler(http.server.BaseHTTPRequestHandler):
        def forward(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            host, path = self.headers.get("Host", "").split(":")[0], self.path.split("?")[0]
            try:
                targets = [route[2:] for route in [*of_file(), *of_containers()] if entry_point in route[1] and matches(route[0], host, path)]
                if not targets:
                    return self.answer(404, b"404 page not found\n")
                target, settings = targets[0]
                headers = {name: value for name, value in self.headers.items() if name.lower() not in ("connection", "x-forwarded-for")}
                refusal, headers = check(settings, headers)
                if refusal:
                    return self.answer(refusal.status, refusal.read(), refusal.headers.get("Content-Type"))
                headers |= {"Host": self.headers.get("Host", ""), "Content-Length": str(len(body))}
                headers |= {label.removeprefix("headers.customrequestheaders."): value for label, value in settings.items() if label.startswith("headers.customrequestheaders.")}
                server = http.client.HTTPConnection(target, timeout=90)
                server.request(self.command, self.path, body, {**headers, "X-Forwarded-For": self.client_address[0], "X-Forwarded-Proto": "https"})
                response = server.getresponse()
                self.answer(response.status, response.read(), response.getheader("Content-Type"))
            except OSError:
                self.answer(502, b"Bad Gateway")

        do_GET = do_POST = do_PUT = do_DELETE = forward

        def answer(self, status, body, content_type=None):
            self.send_response(status)
            self.send_header("Content-Type", content_type or "text/plain")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    return Handler


if sys.argv[1:2] == ["healthcheck"]:
    urllib.request.urlopen("http://" + options[f"entrypoints.{options['ping.entrypoint']}.address"] + "/ping", timeout=5)
else:
    class Ping(handler("ping")):
        def forward(self):
            self.answer(200, b"OK")

        do_GET = forward

    servers = []
    for option, value in options.items():
        if name := re.fullmatch(r"entrypoints\.(\w+)\.address", option):
            host, _, port = value.rpartition(":")
            servers.append(http.server.ThreadingHTTPServer((host, int(port)), Ping if name[1] == options["ping.entrypoint"] else handler(name[1])))
    for server in servers[1:]:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    servers[0].serve_forever()
