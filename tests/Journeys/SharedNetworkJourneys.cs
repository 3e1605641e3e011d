using System.Net;
using System.Net.Http.Json;

namespace ControlPlane.Tests;

/// <summary>Many people have one address, behind a router: what one of them does must not keep another one's known device out.</summary>
public sealed class SharedNetworkJourneys
{
    [Fact]
    public async Task A_known_device_signs_in_and_asks_for_a_link_after_a_neighbour_has_used_up_the_networks_requests()
    {
        await using var server = await TestServer.StartAsync(sandbox: false, settings: [new("CONTROLPLANE_LIMIT_SIGNINS", "5"), Networks.BehindProxy]);
        var person = Person.New();
        await person.CompleteAsync(server);
        using var known = server.VisitorFrom("192.0.2.1");
        Assert.Equal(HttpStatusCode.OK, await known.TrySignInAsync(person.Email, person.Password));
        using var neighbour = server.VisitorFrom("192.0.2.1");
        var statuses = new List<HttpStatusCode>();
        for (var i = 0; i < 5; i++)
        {
            statuses.Add(await neighbour.TrySignInAsync($"other{i}@example.com", "a guess"));
            await neighbour.SubmitAsync("/login", "/reset", ("token", "unknown"));
        }

        Assert.Equal(HttpStatusCode.TooManyRequests, statuses[^1]);
        Assert.Equal(HttpStatusCode.TooManyRequests, await neighbour.ForgetAsync(person.Email));
        Assert.Equal(HttpStatusCode.OK, await known.TrySignInAsync(person.Email, person.Password));
        Assert.Equal(HttpStatusCode.OK, await known.ForgetAsync(person.Email));
        var link = await person.LinkAsync(server, "/reset");
        Assert.Equal(HttpStatusCode.OK, (await known.SubmitAsync(
            link.PathAndQuery, "/reset", ("token", Person.TokenOf(link)), ("password", "a new and better password"))).StatusCode);

        // The device of one account is unknown to others, and known devices are limited, too.
        Assert.Equal(HttpStatusCode.TooManyRequests, await known.TrySignInAsync("other@example.com", "a guess"));
        for (var i = 0; i < 5; i++)
        {
            statuses.Add(await known.TrySignInAsync(person.Email, "not the password"));
        }

        Assert.Equal(HttpStatusCode.TooManyRequests, statuses[^1]);
    }

    [Fact]
    public async Task Invented_links_use_up_nothing_that_sign_ins_operators_and_real_links_of_the_network_need()
    {
        await using var server = await TestServer.StartAsync(sandbox: false, settings: [new("CONTROLPLANE_LIMIT_SIGNINS", "5"), Networks.BehindProxy]);
        var person = Person.New();
        await person.SendAsync(server);
        using var stranger = server.VisitorFrom("192.0.2.1");
        var statuses = new List<HttpStatusCode>();
        for (var i = 0; i < 6; i++)
        {
            statuses.Add((await stranger.PostAsJsonAsync("/v1/verify", new { token = $"invented{i}" })).StatusCode);
        }

        Assert.Equal([.. Enumerable.Repeat(HttpStatusCode.NotFound, 5), HttpStatusCode.TooManyRequests], statuses);
        // Of all the pages, because they use the same budget.
        Assert.Equal(HttpStatusCode.TooManyRequests, (await stranger.SubmitAsync("/login", "/reset", ("token", "invented"))).StatusCode);

        using var unknown = server.VisitorFrom("192.0.2.1");
        var verify = await person.LinkAsync(server, "/v1/verify");
        Assert.Equal(HttpStatusCode.OK, (await unknown.PostAsJsonAsync("/v1/verify", new { token = Person.TokenOf(verify) })).StatusCode);
        await unknown.ForgetAsync(person.Email);
        var reset = await person.LinkAsync(server, "/reset");
        const string next = "a new and better password";
        Assert.Equal(HttpStatusCode.OK, (await unknown.SubmitAsync(reset.PathAndQuery, "/reset", ("token", Person.TokenOf(reset)), ("password", next))).StatusCode);
        Assert.Equal(HttpStatusCode.OK, await unknown.TrySignInAsync(person.Email, next));
        using var @operator = server.VisitorFrom("192.0.2.1");
        Assert.Equal("/admin", (await @operator.SubmitAsync("/admin/login", "/admin/login", ("key", server.OperatorKey))).RequestMessage!.RequestUri!.AbsolutePath);
    }

    [Fact]
    public async Task One_link_is_tried_a_limited_number_of_times()
    {
        await using var server = await TestServer.StartAsync(sandbox: false, settings: [new("CONTROLPLANE_LIMIT_SIGNINS", "3"), Networks.BehindProxy]);
        var person = Person.New();
        await person.SendAsync(server);
        var link = await person.LinkAsync(server, "/v1/verify");
        using var browser = server.VisitorFrom("192.0.2.1");
        var statuses = new List<HttpStatusCode>();
        for (var i = 0; i < 4; i++)
        {
            statuses.Add((await browser.SubmitAsync("/login", "/v1/verify", ("token", Person.TokenOf(link)), ("password", "a guess"))).StatusCode);
        }

        Assert.Equal([.. Enumerable.Repeat(HttpStatusCode.BadRequest, 3), HttpStatusCode.TooManyRequests], statuses);
    }

    [Fact]
    public async Task The_known_devices_of_a_network_have_a_limit_together()
    {
        await using var server = await TestServer.StartAsync(sandbox: false, settings: [new("CONTROLPLANE_LIMIT_SIGNINS", "1"), Networks.BehindProxy]);
        var budget = server.Services.GetRequiredService<SignInBudget>();
        var context = new DefaultHttpContext();
        var accepted = Enumerable.Range(0, 2 * SignInBudget.Accounts)
            .Count(n => budget.Reject(context, RequestOrigin.Device($"device{n}", "192.0.2.1"), $"person{n}@example.com") is null);
        Assert.Equal(SignInBudget.Accounts, accepted);
        Assert.Null(budget.Reject(context, RequestOrigin.Device("device", "198.51.100.1"), "another@example.com"));
    }
}
