using System.Net;

namespace ControlPlane.Tests;

/// <summary>Who has signed up for a paid plan and is not known yet waits, and an operator can approve.</summary>
public sealed class ApprovalJourneys
{
    [Fact]
    public async Task A_waiting_tenant_is_told_so_and_gets_its_environment_when_an_operator_approves_it()
    {
        await using var server = await TestServer.StartAsync(sandbox: false, settings: [new("CONTROLPLANE_ENVIRONMENTS", "2")]);
        var (first, second, pending) = (Person.New() with { Plan = "basic" }, Person.New() with { Plan = "basic" }, Person.New() with { Plan = "basic" });
        await first.CompleteAsync(server);
        var tenant = await second.CompleteAsync(server);
        var unconfirmed = (await (await pending.SendAsync(server)).ReadAsync()).GetProperty("tenant_id").GetGuid();
        await server.RunJobAsync("provision");
        Assert.Equal((false, "requested"), await ReadAsync(server, tenant));
        using var browser = await second.SignInAsync(server);
        Assert.Contains("Your environment waits for a free place", await browser.GetStringAsync("/app"), StringComparison.Ordinal);

        using var @operator = await server.SignInOperatorAsync(server.OperatorKey);
        using var page = await @operator.SubmitAsync($"/admin/tenants/{tenant}", $"/admin/tenants/{tenant}/approve");
        var text = await page.Content.ReadAsStringAsync();
        Assert.Contains("Approved.", text, StringComparison.Ordinal);
        Assert.DoesNotContain("/approve", text, StringComparison.Ordinal);
        Assert.DoesNotContain("waits for a free place", await browser.GetStringAsync("/app"), StringComparison.Ordinal);
        await server.RunJobAsync("provision");
        Assert.Equal((true, "ready"), await ReadAsync(server, tenant));
        using var refused = await server.Operator.PostAsync($"/v1/admin/tenants/{unconfirmed}/approve", content: null);
        Assert.Equal(HttpStatusCode.Conflict, refused.StatusCode);
    }

    static async Task<(bool Approved, string? State)> ReadAsync(TestServer server, Guid tenant)
    {
        var found = await (await server.Operator.GetAsync($"/v1/admin/tenants/{tenant}")).ReadAsync();
        return (found.GetProperty("approved").GetBoolean(), found.GetProperty("environment").GetProperty("state").GetString());
    }
}
