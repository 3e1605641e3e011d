using System.Text.Json.Nodes;

namespace ControlPlane.Tests.Support.OpenApi;

/// <summary>Finds what would break a client of the former OpenAPI document when the server has the current one. Additions are not breaks.</summary>
sealed class OpenApiBreaks
{
    static readonly string[] Methods = ["get", "put", "post", "delete", "patch", "head", "options"];

    readonly SchemaBreaks _schemas;
    readonly List<string> _found = [];

    OpenApiBreaks(JsonNode former, JsonNode current) => _schemas = new SchemaBreaks(former, current, _found);

    /// <returns>One line for each break; empty when the current document is compatible.</returns>
    public static IReadOnlyList<string> Find(JsonNode former, JsonNode current)
    {
        var breaks = new OpenApiBreaks(former, current);
        foreach (var (path, item) in former["paths"]!.AsObject())
        {
            foreach (var method in Methods.Where(method => item![method] is not null))
            {
                breaks.CompareOperation($"{method.ToUpperInvariant()} {path}", item![method]!, current["paths"]?[path]?[method]);
            }
        }

        return breaks._found;
    }

    void CompareOperation(string where, JsonNode former, JsonNode? current)
    {
        if (current is null)
        {
            _found.Add($"{where}: removed");
            return;
        }

        if (former["operationId"]?.ToString() is { } id && current["operationId"]?.ToString() != id)
        {
            _found.Add($"{where}: operationId {id} changed");
        }

        CompareSecurity(where, former, current);
        CompareParameters(where, former, current);
        CompareBody(where, former["requestBody"], current["requestBody"]);
        foreach (var (status, response) in former["responses"]?.AsObject() ?? [])
        {
            if (current["responses"]?[status] is { } kept)
            {
                CompareContent($"{where}: response {status}", response!, kept, Direction.Response);
            }
            else
            {
                _found.Add($"{where}: response {status} removed");
            }
        }
    }

    void CompareSecurity(string where, JsonNode former, JsonNode current)
    {
        var (before, now) = (Schemes(former), Schemes(current));
        // Without a scheme everyone may call it, so a first scheme is a break and losing all of them is not.
        if (now.Count > 0 && (before.Count == 0 || !before.IsSubsetOf(now)))
        {
            _found.Add($"{where}: does not accept {(before.Count == 0 ? "anonymous callers" : string.Join(", ", before.Except(now)))} any more");
        }

        static HashSet<string> Schemes(JsonNode operation) => [.. (operation["security"]?.AsArray() ?? []).SelectMany(one => one!.AsObject()).Select(scheme => scheme.Key)];
    }

    void CompareParameters(string where, JsonNode former, JsonNode current)
    {
        var (before, now) = (Parameters(former), Parameters(current));
        foreach (var (key, parameter) in before)
        {
            if (now.TryGetValue(key, out var kept))
            {
                _schemas.Compare($"{where}: parameter {key}", parameter["schema"], kept["schema"], Direction.Request);
            }
            else
            {
                _found.Add($"{where}: parameter {key} removed");
            }
        }

        _found.AddRange(now.Where(one => IsRequired(one.Value) && !(before.TryGetValue(one.Key, out var old) && IsRequired(old)))
            .Select(one => $"{where}: parameter {one.Key} is newly required"));

        static Dictionary<string, JsonNode> Parameters(JsonNode operation) =>
            (operation["parameters"]?.AsArray() ?? []).ToDictionary(one => $"{one!["in"]} {one["name"]}", one => one!);
    }

    void CompareBody(string where, JsonNode? former, JsonNode? current)
    {
        if (current is not null && IsRequired(current) && !(former is not null && IsRequired(former)))
        {
            _found.Add($"{where}: request body is newly required");
        }

        if (former is not null && current is null)
        {
            _found.Add($"{where}: request body removed");
        }
        else if (former is not null)
        {
            CompareContent($"{where}: request", former, current!, Direction.Request);
        }
    }

    void CompareContent(string where, JsonNode former, JsonNode current, Direction direction)
    {
        foreach (var (type, content) in former["content"]?.AsObject() ?? [])
        {
            if (current["content"]?[type] is { } kept)
            {
                _schemas.Compare(where, content!["schema"], kept["schema"], direction);
            }
            else
            {
                _found.Add($"{where}: content type {type} removed");
            }
        }
    }

    static bool IsRequired(JsonNode node) => node["required"]?.GetValue<bool>() ?? false;
}

enum Direction
{
    Request,
    Response,
}
