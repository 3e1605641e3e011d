using System.Net;

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
}
