using System.Text.Json;

namespace ControlPlane.Infra.Tests;

/// <summary>Reads IAM statements, in which a single value may replace a list.</summary>
static class Policies
{
    public static bool Denies(this JsonElement statement) => statement.GetProperty("Effect").GetString() == "Deny";

    public static IReadOnlyList<string> Actions(this JsonElement statement) => Texts(statement, "Action");

    public static IReadOnlyList<string> ResourceArns(this JsonElement statement) => Texts(statement, "Resource");

    public static IReadOnlyList<string> Principals(this JsonElement statement) =>
        !statement.TryGetProperty("Principal", out var principal) ? []
        : principal.ValueKind == JsonValueKind.String ? [principal.GetString()!]
        : [.. principal.EnumerateObject().SelectMany(kind => Texts(principal, kind.Name))];

    static IReadOnlyList<string> Texts(JsonElement of, string name) =>
        !of.TryGetProperty(name, out var value) ? []
        : value.ValueKind == JsonValueKind.String ? [value.GetString()!]
        : [.. value.EnumerateArray().Select(item => item.GetString()!)];
}
