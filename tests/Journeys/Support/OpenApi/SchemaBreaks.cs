using System.Text.Json.Nodes;

namespace ControlPlane.Tests.Support.OpenApi;

/// <summary>
/// Compares JSON schemas of two OpenAPI documents. A request schema must accept what it accepted before; a response schema must still promise what
/// it promised before.
/// </summary>
sealed class SchemaBreaks(JsonNode formerDocument, JsonNode currentDocument, List<string> found)
{
    readonly HashSet<(string?, string?, Direction)> _compared = [];

    public void Compare(string where, JsonNode? former, JsonNode? current, Direction direction)
    {
        if (former is null || current is null)
        {
            if (former is not null != current is not null)
            {
                found.Add($"{where}: schema {(current is null ? "removed" : "added")}");
            }

            return;
        }

        // Recursive schemas refer to themselves; each pair of references is compared once.
        var references = (former["$ref"]?.ToString(), current["$ref"]?.ToString(), direction);
        if (references is not (null, null, _) && !_compared.Add(references))
        {
            return;
        }

        var (before, now) = (Resolve(formerDocument, former), Resolve(currentDocument, current));
        CompareTypes(where, before, now, direction);
        CompareProperties(where, before, now, direction);
        CompareAlternatives(where, before, now, direction);
        foreach (var keyword in (string[])["items", "additionalProperties"])
        {
            if (before[keyword] is JsonObject && now[keyword] is JsonObject)
            {
                Compare($"{where}[]", before[keyword], now[keyword], direction);
            }
        }
    }

    void CompareTypes(string where, JsonNode before, JsonNode now, Direction direction)
    {
        var (formerTypes, currentTypes) = (Values(before["type"]), Values(now["type"]));
        var accepted = direction == Direction.Request ? formerTypes.IsSubsetOf(currentTypes) : currentTypes.IsSubsetOf(formerTypes);
        // No type means any.
        if (!(direction == Direction.Request ? currentTypes : formerTypes).SetEquals([]) && !accepted)
        {
            found.Add($"{where}: type {string.Join('|', formerTypes)} became {string.Join('|', currentTypes)}");
        }

        if (before["format"]?.ToString() != now["format"]?.ToString())
        {
            found.Add($"{where}: format {before["format"]} became {now["format"]}");
        }

        var missing = now["enum"] is null ? [] : Values(before["enum"]).Except(Values(now["enum"])).ToList();
        if (direction == Direction.Request && now["enum"] is not null && (before["enum"] is null || missing.Count > 0))
        {
            found.Add($"{where}: values {string.Join(", ", missing)} are not accepted any more");
        }
    }

    void CompareProperties(string where, JsonNode before, JsonNode now, Direction direction)
    {
        foreach (var (name, property) in before["properties"]?.AsObject() ?? [])
        {
            if (now["properties"]?[name] is { } kept)
            {
                Compare($"{where}.{name}", property, kept, direction);
            }
            else
            {
                found.Add($"{where}.{name}: removed");
            }
        }

        var (formerRequired, currentRequired) = (Values(before["required"]), Values(now["required"]));
        found.AddRange(direction == Direction.Request
            ? currentRequired.Except(formerRequired).Select(name => $"{where}.{name}: newly required")
            : formerRequired.Except(currentRequired).Where(name => now["properties"]?[name] is not null).Select(name => $"{where}.{name}: may be absent now"));
    }

    // By position: the documents are generated, so alternatives keep their order.
    void CompareAlternatives(string where, JsonNode before, JsonNode now, Direction direction)
    {
        foreach (var keyword in (string[])["oneOf", "anyOf", "allOf"])
        {
            var (former, current) = (before[keyword]?.AsArray() ?? [], now[keyword]?.AsArray() ?? []);
            if (former.Count != current.Count && (direction == Direction.Request ? current.Count < former.Count : current.Count > former.Count))
            {
                found.Add($"{where}: {former.Count} alternatives became {current.Count}");
            }

            foreach (var (one, other) in former.Zip(current))
            {
                Compare(where, one, other, direction);
            }
        }
    }

    static JsonNode Resolve(JsonNode document, JsonNode schema)
    {
        while (schema["$ref"]?.ToString() is { } reference)
        {
            schema = reference.TrimStart('#', '/').Split('/').Aggregate(document, (node, part) => node[part]!);
        }

        return schema;
    }

    static HashSet<string> Values(JsonNode? node) => node switch
    {
        null => [],
        JsonArray many => [.. many.Select(one => one?.ToString() ?? "null")],
        _ => [node.ToString()],
    };
}
