namespace ControlPlane.Tests.Engine;

/// <summary>Attempts to connect from inside a container, as its user.</summary>
static class Attempts
{
    /// <summary>Also an answer that nothing listens there shows that packets pass.</summary>
    static readonly string[] Reached = ["open", "refused"];

    const string Script = """
        import concurrent.futures, socket, sys

        def attempt(target):
            host, port = target.rsplit(":", 1)
            try:
                family, kind, protocol, _, address = socket.getaddrinfo(host, int(port), proto=socket.IPPROTO_TCP)[0]
            except OSError:
                return "unresolved"
            with socket.socket(family, kind, protocol) as connection:
                connection.settimeout(3)
                try:
                    connection.connect(address)
                    return "open"
                except ConnectionRefusedError:
                    return "refused"
                except TimeoutError:
                    return "timeout"
                except OSError as error:
                    return error.strerror

        with concurrent.futures.ThreadPoolExecutor(64) as pool:
            for target, result in zip(sys.argv[1:], pool.map(attempt, sys.argv[1:])):
                print(target, result, sep="=")
        """;

    /// <param name="targets">Hosts or addresses with ports.</param>
    /// <returns>What became of each attempt: <c>open</c>, <c>refused</c> by the target, <c>timeout</c>, <c>unresolved</c>, or why there is no route.</returns>
    public static async Task<IReadOnlyDictionary<string, string>> FromAsync(string container, IEnumerable<string> targets) =>
        (await Docker.RunAsync(["exec", container, "python3", "-c", Script, .. targets.Distinct()])).Split('\n').Select(line => line.Split('=')).ToDictionary(pair => pair[0], pair => pair[1]);

    /// <returns>Those that were reached.</returns>
    public static async Task<List<string>> ReachedAsync(string container, IEnumerable<string> targets) =>
        [.. (await FromAsync(container, targets)).Where(attempt => Reached.Contains(attempt.Value)).Select(attempt => attempt.Key)];

    /// <returns>What the targets answer over HTTP, or why nothing does.</returns>
    public static async Task<string[]> GetAsync(string container, string path, params string[] targets) => (await Docker.ExecAsync(container, ["python3", "-c", """
        import http.client, sys
        for target in sys.argv[2:]:
            try:
                connection = http.client.HTTPConnection(target, timeout=5)
                connection.request("GET", sys.argv[1])
                print(connection.getresponse().read(2000).decode(errors="replace").replace("\n", " "))
            except OSError as error:
                print(error.strerror)
        """, path, .. targets])).Split('\n');

    /// <returns>The status line of a proxy for a tunnel, or what happened instead.</returns>
    public static Task<string> TunnelAsync(string container, string proxy, string target) => Docker.ExecAsync(container, "python3", "-c", """
        import socket, sys
        with socket.create_connection((sys.argv[1], 3128), timeout=40) as connection:
            connection.sendall(f"CONNECT {sys.argv[2]} HTTP/1.1\r\nHost: {sys.argv[2]}\r\n\r\n".encode())
            print(connection.recv(100).decode().split("\r\n")[0])
        """, proxy, target);
}
