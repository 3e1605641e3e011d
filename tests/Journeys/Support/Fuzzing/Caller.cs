using System.Net.Http.Headers;
using System.Text.RegularExpressions;

namespace ControlPlane.Tests.Support.Fuzzing;

/// <summary>A client with its credentials.</summary>
/// <param name="Key">Sent as Bearer.</param>
/// <param name="Cookies">Session cookies and the antiforgery cookie.</param>
/// <param name="FormToken">The antiforgery token of forms; null: this caller has no page with a form.</param>
sealed partial record Caller(string Name, string? Key = null, string? Cookies = null, string? FormToken = null)
{
    public const string Anyone = "anyone", Tenant = "tenant", Operator = "operator", Member = "member", OperatorBrowser = "operator's browser";

    /// <summary>An anonymous client, API clients of the tenant and the operator, and browsers of an owner and an operator.</summary>
    public static async Task<IReadOnlyList<Caller>> AllAsync(TestServer server, TestTenant tenant)
    {
        var (member, operatorSession) = (Credentials.New(), Credentials.New());
        await using (var transaction = await server.Database.BeginJobAsync(CancellationToken.None))
        {
            await transaction.ExecuteAsync(MemberSession, CancellationToken.None, Credentials.Hash(member), tenant.Id);
            await transaction.ExecuteAsync(OperatorSession, CancellationToken.None, Credentials.Hash(operatorSession));
            await transaction.CommitAsync(CancellationToken.None);
        }

        return
        [
            await WithFormTokenAsync(server, new Caller(Anyone), "/login"),
            new Caller(Tenant, Key: tenant.ApiKey),
            new Caller(Operator, Key: server.OperatorKey),
            await WithFormTokenAsync(server, new Caller(Member, Cookies: $"session={member}"), "/app/keys"),
            await WithFormTokenAsync(server, new Caller(OperatorBrowser, Cookies: $"operator_session={operatorSession}"), "/admin/jobs"),
        ];
    }

    public void Identify(HttpRequestMessage request)
    {
        request.Headers.Authorization = Key is null ? null : new AuthenticationHeaderValue("Bearer", Key);
        if (Cookies is not null)
        {
            request.Headers.Add("Cookie", Cookies);
        }
    }

    // Opens a page with a form, as a browser does before it posts one.
    static async Task<Caller> WithFormTokenAsync(TestServer server, Caller caller, string page)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, page);
        caller.Identify(request);
        using var reply = await server.Anonymous.SendAsync(request);
        reply.EnsureSuccessStatusCode();
        var cookie = reply.Headers.GetValues("Set-Cookie").First(set => set.StartsWith("antiforgery=", StringComparison.Ordinal)).Split(';')[0];
        return caller with
        {
            Cookies = caller.Cookies is null ? cookie : $"{caller.Cookies}; {cookie}",
            FormToken = Token().Match(await reply.Content.ReadAsStringAsync()).Groups[1].Value,
        };
    }

    [GeneratedRegex("name=\"__RequestVerificationToken\" value=\"([^\"]+)\"")]
    private static partial Regex Token();

    const string MemberSession = """
        insert into control.member_session (token_hash, tenant_id, member_id, expires_at)
        select $1, tenant_id, id, now() + interval '1 day' from control.member where tenant_id = $2 limit 1
        """;

    const string OperatorSession = "insert into control.operator_session (token_hash, expires_at) values ($1, now() + interval '1 day')";
}
