using System.Text.Json;

namespace ControlPlane.AzureFunctions.Tests;

/// <summary>A function as the build writes it into <c>functions.metadata</c>.</summary>
/// <param name="Trigger">Its only binding.</param>
sealed record FunctionMetadata(string Name, string EntryPoint, JsonElement Trigger)
{
    /// <summary>Of the build that these tests run with.</summary>
    public static IReadOnlyList<FunctionMetadata> All { get; } = Read(AppContext.BaseDirectory);

    public static FunctionMetadata Http { get; } = All.Single(function => function.Type == "httpTrigger");

    public string Type => Trigger.GetProperty("type").GetString()!;

    /// <summary>NCRONTAB with seconds; null for other triggers than a timer.</summary>
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
            function.GetProperty("bindings").EnumerateArray().Single().Clone()))];
    }

    string? Text(string property) => Trigger.TryGetProperty(property, out var value) ? value.GetString() : null;
}
