using System.Net;

namespace ControlPlane.Tests;

/// <summary>Whoever names a tenant, or one of its members, takes none of its database connections.</summary>
public sealed class StrangerConnectionJourneys(SharedServer shared) : IClassFixture<SharedServer>
{
    readonly TestServer _server = shared.Server;

    [Fact]
    public async Task A_person_switches_a_limited_number_of_times()
    {
        await using var server = await TestServer.StartAsync(sandbox: false, settings: [new("CONTROLPLANE_LIMIT_SIGNINS", "4")]);
        var person = Person.New();
        await person.CompleteAsync(server);
        using var browser = await person.SignInAsync(server);
        var statuses = new List<HttpStatusCode>();
        for (var i = 0; i < 5; i++)
        {
            statuses.Add((await browser.SubmitAsync("/app/organizations", "/app/organizations", ("tenant", Ids.New(server.Clock).ToString()))).StatusCode);
        }

        Assert.Equal([.. Enumerable.Repeat(HttpStatusCode.NotFound, 4), HttpStatusCode.TooManyRequests], statuses);
    }

    [Fact]
    public async Task A_stranger_takes_no_connection_of_a_tenant_by_naming_it()
    {
        var (stranger, victim) = (Person.New(), await _server.CreateTenantAsync());
        await stranger.CompleteAsync(_server);
        using var browser = await stranger.SignInAsync(_server);
        var held = new List<Transaction>();
        for (var i = 0; i < 8; i++)
        {
            held.Add(await _server.Database.BeginAsync(victim.Id, default));
        }

        // Without any that is free, a request that needed one would be refused as busy after a while.
        Assert.Equal(HttpStatusCode.NotFound, (await browser.SubmitAsync("/app/organizations", "/app/organizations", ("tenant", victim.Id.ToString()))).StatusCode);
        foreach (var transaction in held)
        {
            await transaction.DisposeAsync();
        }
    }

    [Fact]
    public async Task Visitors_who_ask_for_links_hold_one_of_a_tenants_connections_together()
    {
        await using var server = await TestServer.StartAsync();
        var person = Person.New();
        var tenant = await person.CompleteAsync(server);
        var reset = server.Services.GetRequiredService<RequestReset>();
        Task[] requests;
        await using (var locking = await server.Database.BeginJobAsync(default))
        {
            await locking.ExecuteAsync("select 1 from control.member where tenant_id = $1 for update", default, tenant);
            requests = [.. Enumerable.Range(0, 12).Select(n => reset.RunAsync(person.Email, RequestOrigin.Network($"192.0.2.{n}"), default))];
            while (await WaitingAsync(server) == 0)
            {
                await Task.Delay(20);
            }

            // Long enough for the others to wait for the lock, too, if they did.
            await Task.Delay(500);
            Assert.Equal(1, await WaitingAsync(server));

            // Those that wait for their turn are answered before two requests for an unknown address, one after the other.
            await reset.RunAsync("unknown@example.org", RequestOrigin.Network("192.0.2.99"), default);
            await reset.RunAsync("unknown@example.org", RequestOrigin.Network("192.0.2.99"), default);
            Assert.Equal(1, requests.Count(request => !request.IsCompleted));
        }

        // None is refused: the answer is the same as for an unknown address.
        await Task.WhenAll(requests);
    }

    static async Task<long> WaitingAsync(TestServer server)
    {
        await using var owner = await server.Database.OpenOwnerAsync(default);
        return await owner.ScalarAsync<long>(
            "select count(*) from pg_stat_activity where datname = current_database() and application_name = 'control_app' and wait_event_type = 'Lock'", default);
    }
}
