using System.Globalization;
using System.Text.Json;

namespace ControlPlane.AzureFunctions.Tests;

/// <summary>A function in <c>functions.metadata</c>, which the build generates and the platform reads.</summary>
/// <param name="Trigger">The function's only binding.</param>
/// <param name="Retries">After a failure.</param>
sealed record FunctionMetadata(string Name, string EntryPoint, JsonElement Trigger, int Retries = 0)
{
    /// <summary>The functions of the build that these tests run with.</summary>
    public static IReadOnlyList<FunctionMetadata> All { get; } = Read(AppContext.BaseDirectory);

    public static FunctionMetadata Http { get; } = All.Single(function => function.Type == "httpTrigger");

    public string Type => Trigger.GetProperty("type").GetString()!;

    /// <summary>NCRONTAB expression with seconds; null if the trigger is not a timer.</summary>
    public string? Schedule => Text("schedule");

    public string? QueueName => Text("queueName");

    public string? Route => Text("route");

    public string? AuthLevel => Text("authLevel");

    public IReadOnlyList<string> Methods => [.. Trigger.GetProperty("methods").EnumerateArray().Select(method => method.GetString()!)];

    public static IReadOnlyList<FunctionMetadata> Read(string folder)
    {
        using var file = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "functions.metadata")));
        return [.. file.RootElement.EnumerateArray().Select(function => new FunctionMetadata(
            function.GetProperty("name").GetString()!,
            function.GetProperty("entryPoint").GetString()!,
            function.GetProperty("bindings").EnumerateArray().Single().Clone(),
            function.TryGetProperty("retry", out var retry) ? int.Parse(retry.GetProperty("maxRetryCount").ToString(), CultureInfo.InvariantCulture) : 0))];
    }

    string? Text(string property) => Trigger.TryGetProperty(property, out var value) ? value.GetString() : null;
}
