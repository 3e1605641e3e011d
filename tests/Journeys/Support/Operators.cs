using System.Net.Http.Json;

namespace ControlPlane.Tests.Support;

/// <summary>Named operators.</summary>
static class Operators
{
    /// <summary>Creates an operator over the API.</summary>
    public static async Task<(Guid Id, string Key)> CreateOperatorAsync(this TestServer server, string name, string role)
    {
        var created = await (await server.Operator.PostAsJsonAsync("/v1/admin/operators", new { name, role })).ReadAsync();
        return (created.GetProperty("id").GetGuid(), created.GetProperty("key").GetString()!);
    }

    /// <summary>A browser in which the operator with this key is signed in.</summary>
    public static async Task<HttpClient> SignInOperatorAsync(this TestServer server, string key)
    {
        var browser = server.NewVisitor();
        await browser.SubmitAsync("/admin/login", "/admin/login", ("key", key));
        return browser;
    }

    /// <summary>What the audit log says that this actor did, oldest first.</summary>
    public static async Task<List<string>> AuditAsync(this TestServer server, string actor)
    {
        await using var transaction = await server.Database.BeginJobAsync(CancellationToken.None);
        return await transaction.QueryAsync(
            "select action from control.audit_log where actor = $1 order by occurred_at, id", row => row.GetString(0), CancellationToken.None, actor);
    }
}
