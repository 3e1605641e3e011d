using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using ControlPlane.Tests.Support.OpenApi;

namespace ControlPlane.Tests;

/// <summary>The v1 interface only grows. docs/openapi-v1.json is the interface as of the last commit.</summary>
[Trait("Category", "Quick")]
public sealed class OpenApiTests(SharedServer shared) : IClassFixture<SharedServer>
{
    const string Update = "UPDATE_SNAPSHOTS";
    static readonly JsonSerializerOptions Format = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    [Fact]
    public async Task The_v1_interface_has_no_breaking_change_and_matches_its_snapshot()
    {
        var current = JsonNode.Parse(await shared.Server.Anonymous.GetStringAsync("/openapi/v1.json"))!;
        var isUpdate = Environment.GetEnvironmentVariable(Update) == "1";
        if (File.Exists(SnapshotFile()))
        {
            var breaks = OpenApiBreaks.Find(Snapshot(), current);
            Assert.True(breaks.Count == 0, $"""
                Breaking changes of the v1 interface:
                  {string.Join("\n  ", breaks)}
                Restore them, or offer the new behaviour beside the old one. If no client can depend on them yet, delete docs/openapi-v1.json and run this test with {Update}=1.
                """);
        }

        var text = current.ToJsonString(Format) + "\n";
        if (isUpdate)
        {
            await File.WriteAllTextAsync(SnapshotFile(), text);
        }

        Assert.True(
            File.Exists(SnapshotFile()) && await File.ReadAllTextAsync(SnapshotFile()) == text,
            $"docs/openapi-v1.json is not up to date. Run {Update}=1 dotnet test tests/Journeys -c Release --filter OpenApiTests and commit the file.");
    }

    public static TheoryData<string, string> Breaking => new()
    {
        { "paths./v1/keys", "GET /v1/keys: removed" },
        { "paths./v1/keys.post", "POST /v1/keys: removed" },
        { "paths./v1/keys.get.responses.200", "GET /v1/keys: response 200 removed" },
        { "paths./v1/invoices.get.parameters.0", "GET /v1/invoices: parameter query cursor removed" },
        { "paths./v1/usage/litellm.post.requestBody.content.application/x-ndjson", "POST /v1/usage/litellm: request: content type application/x-ndjson removed" },
        { "components.schemas.SubscriptionReply.properties.period_end", "GET /v1/subscription: response 200.period_end: removed" },
        { "components.schemas.AuthorizeRequest.properties.feature", "POST /v1/authorize: request.feature: removed" },
    };

    [Theory]
    [MemberData(nameof(Breaking))]
    public void Removing_a_part_of_the_interface_is_a_break(string part, string expected)
    {
        var changed = Snapshot();
        var steps = part.Split('.');
        var parent = steps[..^1].Aggregate(changed, Child);
        if (parent is JsonArray array)
        {
            array.RemoveAt(int.Parse(steps[^1], CultureInfo.InvariantCulture));
        }
        else
        {
            Assert.True(parent.AsObject().Remove(steps[^1]), part);
        }

        Assert.Contains(expected, OpenApiBreaks.Find(Snapshot(), changed));
        // In the other direction it is an addition.
        Assert.Empty(OpenApiBreaks.Find(changed, Snapshot()));
    }

    [Fact]
    public void Requiring_more_or_accepting_and_promising_less_is_a_break()
    {
        var changed = Snapshot();
        var request = changed["components"]!["schemas"]!["AuthorizeRequest"]!.AsObject();
        request["required"]!.AsArray().Add("feature");
        request["properties"]!["model"] = new JsonObject { ["type"] = "integer" };
        changed["components"]!["schemas"]!["SubscriptionReply"]!["properties"]!["plan"] = new JsonObject { ["type"] = "integer" };
        changed["paths"]!["/v1/keys"]!["get"]!["parameters"] = new JsonArray(new JsonObject { ["name"] = "q", ["in"] = "query", ["required"] = true });
        changed["paths"]!["/v1/verify"]!["get"]!["security"] = new JsonArray(new JsonObject { ["operator_key"] = new JsonArray() });

        var breaks = OpenApiBreaks.Find(Snapshot(), changed);

        Assert.Contains("POST /v1/authorize: request.feature: newly required", breaks);
        Assert.Contains(breaks, found => found.StartsWith("POST /v1/authorize: request.model: type ", StringComparison.Ordinal));
        Assert.Contains("GET /v1/subscription: response 200.plan: type string became integer", breaks);
        Assert.Contains("GET /v1/keys: parameter query q is newly required", breaks);
        Assert.Contains("GET /v1/verify: does not accept anonymous callers any more", breaks);
    }

    [Fact]
    public void An_addition_is_not_a_break()
    {
        var changed = Snapshot();
        changed["paths"]!["/v1/new"] = new JsonObject { ["get"] = new JsonObject { ["operationId"] = "getNew" } };
        changed["components"]!["schemas"]!["SubscriptionReply"]!["properties"]!["new"] = new JsonObject { ["type"] = "string" };
        changed["components"]!["schemas"]!["AuthorizeRequest"]!["properties"]!["new"] = new JsonObject { ["type"] = "string" };
        Assert.Empty(OpenApiBreaks.Find(Snapshot(), changed));
    }

    static JsonNode Child(JsonNode node, string step) =>
        node is JsonArray array ? array[int.Parse(step, CultureInfo.InvariantCulture)]! : node[step]!;

    static JsonNode Snapshot() => JsonNode.Parse(File.ReadAllText(SnapshotFile()))!;

    static string SnapshotFile()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "ControlPlane.sln")))
        {
            folder = folder.Parent ?? throw new InvalidOperationException("The tests do not run inside the repository.");
        }

        return Path.Combine(folder.FullName, "docs", "openapi-v1.json");
    }
}
