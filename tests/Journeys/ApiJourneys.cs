using System.Net;
using System.Text;
using System.Text.Json;

namespace ControlPlane.Tests;

[Trait("Category", "Quick")]
public sealed class ApiJourneys(SharedServer shared) : IClassFixture<SharedServer>
{
    static readonly string[] Public = ["/v1/signup", "/v1/signup/slug/{slug}", "/v1/verify", "/v1/webhooks/{provider}", "/healthz", "/readyz"];

    readonly TestServer _server = shared.Server;

    [Theory]
    [InlineData("""{"email": """, "line 1, byte")]
    [InlineData("""{"email": 5}""", "value of email")]
    [InlineData("""{"accept_terms": "maybe"}""", "value of accept_terms")]
    [InlineData("", "body as JSON")]
    public async Task A_malformed_body_gets_a_400_that_says_what_to_send(string body, string expected)
    {
        var reply = await _server.Anonymous.PostAsync("/v1/signup", new StringContent(body, Encoding.UTF8, "application/json"));
        Assert.Contains(expected, await DetailAsync(reply), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/v1/admin/tenants?limit=many", "limit")]
    [InlineData("/v1/admin/tenants?cursor=next", "cursor")]
    public async Task A_malformed_parameter_is_named_in_the_400(string address, string name) =>
        Assert.Contains($"value of {name} ", await DetailAsync(await _server.Operator.GetAsync(address)), StringComparison.Ordinal);

    [Fact]
    public async Task An_unknown_cursor_is_a_400_and_not_an_empty_list()
    {
        var tenant = await _server.CreateTenantAsync();
        foreach (var path in (string[])["/v1/invoices?cursor=INV-000001", "/v1/invoices?cursor=%00", "/v1/usage?cursor=next", "/v1/keys?cursor=next", "/v1/user-limits?cursor=%00"])
        {
            Assert.NotEmpty(await DetailAsync(await tenant.Http.GetAsync(path)));
        }

        Assert.Equal(HttpStatusCode.OK, (await tenant.Http.GetAsync("/v1/invoices?cursor=")).StatusCode);
    }

    [Fact]
    public async Task The_OpenAPI_document_has_a_summary_and_the_security_schemes_of_every_operation()
    {
        var description = await (await _server.Anonymous.GetAsync("/openapi/v1.json")).ReadAsync();
        var schemes = description.GetProperty("components").GetProperty("securitySchemes").EnumerateObject().Select(scheme => scheme.Name).ToList();
        var operations = description.GetProperty("paths").EnumerateObject()
            .SelectMany(path => path.Value.EnumerateObject().Select(method => (Path: path.Name, Operation: method.Value))).ToList();

        Assert.Contains(operations, operation => operation.Path == "/v1/invoices/{number}");
        Assert.Equal("/", description.GetProperty("servers")[0].GetProperty("url").GetString());
        var license = description.GetProperty("info").GetProperty("license");
        Assert.False(string.IsNullOrWhiteSpace(license.GetProperty("name").GetString()));
        Assert.Equal(HttpStatusCode.OK, (await _server.Anonymous.GetAsync(license.GetProperty("url").GetString())).StatusCode);
        var ids = operations.Select(one => one.Operation.GetProperty("operationId").GetString()!).ToList();
        Assert.Equal(ids.Count, ids.Distinct(StringComparer.OrdinalIgnoreCase).Count());
        Assert.All(ids, id => Assert.Matches("^[a-z][A-Za-z]+$", id));
        foreach (var (path, operation) in operations)
        {
            Assert.False(string.IsNullOrWhiteSpace(operation.GetProperty("summary").GetString()), path);
            Assert.True(operation.GetProperty("responses").GetProperty("default").GetProperty("content").TryGetProperty("application/problem+json", out _), path);
            var required = operation.TryGetProperty("security", out var security)
                ? security.EnumerateArray().SelectMany(one => one.EnumerateObject()).Select(scheme => scheme.Name).ToList()
                : [];
            Assert.Equal(Public.Contains(path), required.Count == 0);
            Assert.Subset(schemes.ToHashSet(), required.ToHashSet());
        }
    }

    [Fact]
    public async Task Responses_must_not_be_cached()
    {
        var tenant = await _server.CreateTenantAsync();
        Assert.True((await tenant.Http.GetAsync("/v1/keys")).Headers.CacheControl?.NoStore);
    }

    static async Task<string> DetailAsync(HttpResponseMessage reply)
    {
        Assert.Equal(HttpStatusCode.BadRequest, reply.StatusCode);
        Assert.Equal("application/problem+json", reply.Content.Headers.ContentType?.MediaType);
        using var problem = JsonDocument.Parse(await reply.Content.ReadAsStringAsync());
        return problem.RootElement.GetProperty("detail").GetString()!;
    }
}
