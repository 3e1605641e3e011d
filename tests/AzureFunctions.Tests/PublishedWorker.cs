using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json;

namespace ControlPlane.AzureFunctions.Tests;

/// <summary>A process of the published function app, started and called like by the Functions host.</summary>
sealed class PublishedWorker : IAsyncDisposable
{
    static readonly Lazy<Task<string>> Folder = new(PublishAsync);

    readonly FunctionsHost _host;
    readonly ConcurrentQueue<string> _log = new();

    PublishedWorker(FunctionsHost host, Process process)
    {
        (_host, Process) = (host, process);
        Process.OutputDataReceived += (_, line) => _log.Enqueue(line.Data ?? "");
        Process.ErrorDataReceived += (_, line) => _log.Enqueue(line.Data ?? "");
        Process.BeginOutputReadLine();
        Process.BeginErrorReadLine();
    }

    public Process Process { get; }

    public string Log => string.Join('\n', _log);

    /// <summary>The worker's HTTP server, to which the host forwards requests. Null before <see cref="LoadAsync"/>.</summary>
    public Uri? HttpAddress { get; private set; }

    /// <returns>The folder of the published app.</returns>
    public static Task<string> FolderAsync() => Folder.Value;

    /// <summary>Starts the program that <c>worker.config.json</c> names, with the host's arguments.</summary>
    public static async Task<PublishedWorker> StartAsync(IEnumerable<KeyValuePair<string, string?>> settings)
    {
        var folder = await FolderAsync();
        using var config = JsonDocument.Parse(await File.ReadAllTextAsync(Path.Combine(folder, "worker.config.json")));
        var description = config.RootElement.GetProperty("description");
        var host = await FunctionsHost.StartAsync();
        var start = new ProcessStartInfo(
            description.GetProperty("defaultExecutablePath").GetString()!,
            [Path.Combine(folder, description.GetProperty("defaultWorkerPath").GetString()!), "--functions-uri", host.Address.ToString(),
                "--functions-worker-id", "worker", "--functions-request-id", "start", "--functions-grpc-max-message-length", "134217728"])
        { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = folder };
        foreach (var (name, value) in settings.Append(new("FUNCTIONS_APPLICATION_DIRECTORY", folder)))
        {
            start.Environment[name] = value;
        }

        return new PublishedWorker(host, Process.Start(start)!);
    }

    /// <summary>Initializes the worker and loads its functions.</summary>
    /// <returns>The worker's own metadata of its functions.</returns>
    public async Task<IReadOnlyList<JsonElement>> LoadAsync()
    {
        var initialized = await RequestAsync("workerInitRequest", new { hostVersion = "4.0.0", functionAppDirectory = await FolderAsync() });
        HttpAddress = new Uri(initialized.GetProperty("capabilities").GetProperty("HttpUri").GetString()!);
        var described = await RequestAsync("functionsMetadataRequest", new { functionAppDirectory = await FolderAsync() });
        IReadOnlyList<JsonElement> functions = [.. described.GetProperty("functionMetadataResults").EnumerateArray()];
        foreach (var function in functions)
        {
            await RequestAsync("functionLoadRequest", new { functionId = function.GetProperty("name").GetString(), metadata = function });
        }

        return functions;
    }

    /// <param name="data">The trigger's data: a queue message, or a timer's state as JSON.</param>
    public Task InvokeAsync(string function, string parameter, string data) => InvokeAsync(Ids.New(TimeProvider.System), function, [new { name = parameter, data = new { @string = data } }]);

    /// <summary>Forwards a request like the host: an invocation over gRPC, and the request itself over HTTP with the invocation's id.</summary>
    public async Task<HttpResponseMessage> SendAsync(HttpClient client, HttpRequestMessage request)
    {
        var invocation = Ids.New(TimeProvider.System);
        request.Headers.Add("x-ms-invocation-id", invocation.ToString());
        var invoked = InvokeAsync(invocation, "http", []);
        var response = await client.SendAsync(request);
        await invoked;
        return response;
    }

    public async ValueTask DisposeAsync()
    {
        if (!Process.HasExited)
        {
            Process.Kill();
            await Process.WaitForExitAsync();
        }

        Process.Dispose();
        await _host.DisposeAsync();
    }

    Task<JsonElement> InvokeAsync(Guid invocation, string function, object[] inputData) =>
        RequestAsync("invocationRequest", new { invocationId = invocation.ToString(), functionId = function, inputData, traceContext = new { } });

    /// <exception cref="InvalidOperationException">The worker replies with a failure, exits, or times out.</exception>
    async Task<JsonElement> RequestAsync(string kind, object content)
    {
        var reply = _host.RequestAsync(kind, content);
        if (await Task.WhenAny(reply, Process.WaitForExitAsync(), Task.Delay(TimeSpan.FromSeconds(60))) != reply)
        {
            throw new InvalidOperationException($"No reply to {kind}. The worker's log:\n{Log}");
        }

        var result = (await reply).GetProperty("result");
        return result.GetProperty("status").GetString() == "Success" ? await reply : throw new InvalidOperationException(result.ToString());
    }

    // The build of these tests, for the machine that they run on.
    static async Task<string> PublishAsync()
    {
        var folder = Directory.CreateTempSubdirectory("published-").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(folder, recursive: true);
        var configuration = new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name;
        using var publish = Process.Start(new ProcessStartInfo(
            "dotnet", ["publish", Path.Combine(Repository.Root, "functions", "AzureFunctions"), "--no-build", "--configuration", configuration, "--verbosity", "quiet", "--nologo", "--output", folder])
        { RedirectStandardOutput = true })!;
        var output = await publish.StandardOutput.ReadToEndAsync();
        await publish.WaitForExitAsync();
        return publish.ExitCode == 0 ? folder : throw new InvalidOperationException(output);
    }
}
