using System.Net;
using System.Net.Http.Headers;
using System.Runtime.CompilerServices;
using System.Text.Json;
using ControlPlane.Catalog.Models;

namespace ControlPlane.DataPlane;

/// <summary>Asks providers for a description of the model, and the shared Ollama for its list of models. Neither costs anything.</summary>
/// <param name="hasEngine">Whether Docker runs here, and the shared Ollama with it.</param>
public sealed class ModelHealth(DataPlaneOptions options, bool hasEngine) : IModelHealth, IDisposable
{
    const string NoOllama = "Environments are rendered only: there is no Ollama to ask.";

    static readonly TimeSpan Timeout = TimeSpan.FromSeconds(10);

    // A key must not follow a redirect to another server.
    readonly HttpClient _http = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, PooledConnectionLifetime = TimeSpan.FromMinutes(5) })
    {
        MaxResponseContentBufferSize = 4 << 20,
        Timeout = Timeout,
    };

    public async IAsyncEnumerable<CheckedRoute> CheckAsync(IReadOnlyList<RouteToCheck> routes, [EnumeratorCancellation] CancellationToken ct)
    {
        var local = routes.Where(route => route.IsLocal).ToList();
        var checks = routes.Where(route => !route.IsLocal).Select(async route => (IReadOnlyList<CheckedRoute>)[await CheckProviderAsync(route, ct)])
            .Concat(local.Count > 0 ? [CheckOllamaAsync(local, ct)] : Array.Empty<Task<IReadOnlyList<CheckedRoute>>>()).ToList();
        await foreach (var check in Task.WhenEach(checks).WithCancellation(ct))
        {
            foreach (var route in await check)
            {
                yield return route;
            }
        }
    }

    public void Dispose() => _http.Dispose();

    async Task<CheckedRoute> CheckProviderAsync(RouteToCheck route, CancellationToken ct)
    {
        if (!options.ProviderKeys.TryGetValue(route.Provider, out var key))
        {
            return new(route.Id, RouteState.NoKey, $"{DataPlaneOptions.ProviderVariable(route.Provider)} is not set: calls fail.");
        }

        if ((route.Endpoint is { } endpoint ? new Uri(endpoint) : options.ProviderUrls.GetValueOrDefault(route.Provider)) is not { } url)
        {
            return new(route.Id, RouteState.NotChecked, $"This release does not know the provider {route.Provider}.");
        }

        using var request = new HttpRequestMessage(HttpMethod.Get, $"{url.AbsoluteUri.TrimEnd('/')}/models/{Uri.EscapeDataString(IdOf(route))}");
        Authenticate(request.Headers, route.Provider, key);
        try
        {
            using var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, ct);
            return response.StatusCode switch
            {
                HttpStatusCode.OK => new(route.Id, RouteState.Ready, null),
                HttpStatusCode.NotFound => new(route.Id, RouteState.Missing, $"{url.Host} has no model {IdOf(route)}. If the provider has shut it down, end the route."),
                HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden => new(
                    route.Id, RouteState.Unreachable, $"{url.Host} refuses the key of {DataPlaneOptions.ProviderVariable(route.Provider)} with status {(int)response.StatusCode}."),
                var status => new(route.Id, RouteState.Unreachable, $"{url.Host} answers with status {(int)status}."),
            };
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException && !ct.IsCancellationRequested)
        {
            return new(route.Id, RouteState.Unreachable, Describe(url.Host, e));
        }
    }

    static void Authenticate(HttpRequestHeaders headers, string provider, string key)
    {
        switch (provider)
        {
            case "anthropic":
                headers.Add("x-api-key", key);
                headers.Add("anthropic-version", "2023-06-01");
                break;
            case "gemini":
                headers.Add("x-goog-api-key", key);
                break;
            default:
                headers.Authorization = new("Bearer", key);
                break;
        }
    }

    async Task<IReadOnlyList<CheckedRoute>> CheckOllamaAsync(List<RouteToCheck> routes, CancellationToken ct)
    {
        if (!options.IsOllamaElsewhere && !hasEngine)
        {
            return [.. routes.Select(route => new CheckedRoute(route.Id, RouteState.NotChecked, NoOllama))];
        }

        try
        {
            var models = options.IsOllamaElsewhere ? await ListOverHttpAsync(ct) : await ListInContainerAsync(ct);
            return [.. routes.Select(route => Check(route, models))];
        }
        catch (Exception e) when (e is HttpRequestException or JsonException or StepFailedException or OperationCanceledException && !ct.IsCancellationRequested)
        {
            return [.. routes.Select(route => new CheckedRoute(route.Id, RouteState.Unreachable, Describe("The shared Ollama", e)))];
        }
    }

    CheckedRoute Check(RouteToCheck route, HashSet<string> models) =>
        route.MemoryMib > options.OllamaMemoryMib ? new(
            route.Id, RouteState.TooLarge, $"Needs {Gib(route.MemoryMib.Value)} GiB of memory; the shared Ollama has {Gib(options.OllamaMemoryMib.Value)}. Environments that use it do not offer the model.")
        : models.Contains(IdOf(route)) || models.Contains($"{IdOf(route)}:latest") ? new(route.Id, RouteState.Ready, null)
        : new(route.Id, RouteState.Missing, $"The shared Ollama does not have {IdOf(route)}. On a VPS: controlplane ollama pull {IdOf(route)}");

    async Task<HashSet<string>> ListOverHttpAsync(CancellationToken ct)
    {
        // What is the host to a container is this machine to the control plane.
        var url = options.OllamaUrl.Host == DataPlaneOptions.HostFromContainer ? new UriBuilder(options.OllamaUrl) { Host = "localhost" }.Uri : options.OllamaUrl;
        using var list = JsonDocument.Parse(await _http.GetByteArrayAsync(new Uri(url, "/api/tags"), ct));
        return list.RootElement.ValueKind == JsonValueKind.Object && list.RootElement.TryGetProperty("models", out var models) && models.ValueKind == JsonValueKind.Array
            ? [.. models.EnumerateArray().Select(model => model.TryGetProperty("name", out var name) ? name.GetString() : null).OfType<string>()]
            : throw new JsonException("There is no list of models.");
    }

    // The control plane has no network in common with Ollama.
    async Task<HashSet<string>> ListInContainerAsync(CancellationToken ct)
    {
        var result = await DockerCommand.RunAsync(["exec", options.OllamaContainer, "sh", "-c", "ollama list | cut -d ' ' -f 1"], Timeout, ct);
        return result.ExitCode == 0 && result.Output.StartsWith("NAME", StringComparison.Ordinal)
            ? [.. result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Skip(1)]
            : throw new StepFailedException("ollama list failed in its container.");
    }

    /// <summary>The provider's id, without LiteLLM's prefix.</summary>
    static string IdOf(RouteToCheck route) => route.GatewayModel[(route.GatewayModel.IndexOf('/', StringComparison.Ordinal) + 1)..];

    static string Describe(string server, Exception e) => e switch
    {
        OperationCanceledException => $"{server} did not answer within {Timeout.TotalSeconds:0} s.",
        HttpRequestException { StatusCode: { } status } => $"{server} answers with status {(int)status}.",
        StepFailedException => $"{server} cannot be asked: {e.Message}",
        JsonException => $"{server} does not answer as Ollama does.",
        _ => $"{server} cannot be reached.",
    };

    static string Gib(int mebibytes) => (mebibytes / 1024m).ToString("0.#", System.Globalization.CultureInfo.InvariantCulture);
}
