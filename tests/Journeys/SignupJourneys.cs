using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

namespace ControlPlane.Tests;

public sealed class SignupJourneys(SharedServer shared) : IClassFixture<SharedServer>
{
    readonly TestServer _server = shared.Server;

    [Fact, Trait("Category", "Quick")]
    public async Task Twenty_identical_signups_create_one_tenant()
    {
        var signup = Person.New();
        var replies = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => signup.SendAsync(_server)));

        Assert.All(replies, reply => Assert.Equal(HttpStatusCode.Accepted, reply.StatusCode));
        var ids = await Task.WhenAll(replies.Select(async reply => (await reply.ReadAsync()).GetProperty("tenant_id").GetGuid()));
        Assert.Single(ids.Distinct());
        Assert.Equal(1, await CountAsync("control.member", signup.Slug));
        Assert.Single(await signup.MailsAsync(_server));
    }

    [Fact]
    public async Task Of_twenty_concurrent_signups_with_one_slug_one_succeeds()
    {
        var slug = Names.Random("s");
        var replies = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => new Person($"owner{i}@{slug}.example", slug).SendAsync(_server)));

        Assert.Single(replies, reply => reply.StatusCode == HttpStatusCode.Accepted);
        Assert.Equal(19, replies.Count(reply => reply.StatusCode == HttpStatusCode.Conflict));
        Assert.Equal(1, await CountAsync("control.member", slug));
    }

    [Fact]
    public async Task A_repeated_signup_with_another_password_finds_the_slug_taken()
    {
        var signup = Person.New();
        await signup.SendAsync(_server);

        var reply = await (signup with { Password = "another long password" }).SendAsync(_server);
        Assert.Equal(HttpStatusCode.Conflict, reply.StatusCode);
        Assert.True((await reply.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("errors").TryGetProperty("slug", out _));
    }

    [Fact]
    public async Task A_known_email_address_gets_the_same_response_as_a_new_one()
    {
        var known = Person.New();
        await known.CompleteAsync(_server);
        var again = known with { Slug = Names.Random("s") };
        var fresh = Person.New();

        var results = new List<string>();
        foreach (var signup in new[] { again, fresh })
        {
            var first = await signup.SendAsync(_server);
            var second = await signup.SendAsync(_server);
            var sameId = await first.Content.ReadAsStringAsync() == await second.Content.ReadAsStringAsync();
            var slug = await (await _server.Anonymous.GetAsync($"/v1/signup/slug/{signup.Slug}")).ReadAsync();
            var byAnother = await (Person.New() with { Slug = signup.Slug }).SendAsync(_server);
            results.Add($"{first.StatusCode} {second.StatusCode} {sameId} {slug.GetProperty("available")} {byAnother.StatusCode}");
        }

        Assert.Equal(results[1], results[0]);
        var mails = await known.MailsAsync(_server);
        Assert.Equal(2, mails.Count(mail => mail.Body.Contains("token=", StringComparison.Ordinal)));
        Assert.Single(mails, mail => mail.Body.Contains("You already have an account", StringComparison.Ordinal));
        Assert.Equal("active", await StatusAsync(known.Slug));
        Assert.Equal("pending", await StatusAsync(again.Slug));
    }

    [Fact]
    public async Task A_verification_link_works_once_and_starts_the_trial()
    {
        var signup = Person.New();
        await signup.SendAsync(_server);
        var mail = Assert.Single(await signup.MailsAsync(_server));
        var clicks = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => Person.VerifyAsync(_server, mail.Link("/v1/verify"))));

        Assert.All(clicks, click => Assert.Equal("active", click.GetProperty("status").GetString()));
        // Longer by what the environment has waited, which may be ready already.
        Assert.Equal(1, await CountAsync("control.subscription", signup.Slug, "plan = 'trial' and trial_ends_at - started_at between interval '14 days' and interval '14 days 10 minutes'"));
        await _server.RunJobAsync("provision");
        Assert.Equal(1, await CountAsync("control.provisioning_run", signup.Slug));
        Assert.Equal(1, await CountAsync("control.webhook_secret", signup.Slug));
        Assert.Equal(1, await CountAsync("control.audit_log", signup.Slug, "action = 'tenant.verified'"));
    }

    [Fact]
    public async Task An_expired_link_activates_nothing_and_signing_in_sends_a_new_one()
    {
        var signup = Person.New();
        await signup.SendAsync(_server);
        var stale = (await signup.MailsAsync(_server)).Single().Link("/v1/verify");
        await ExpireLinksAsync(signup.Slug, TimeSpan.FromSeconds(1));

        var rejected = await Assert.ThrowsAsync<HttpRequestException>(() => Person.VerifyAsync(_server, stale));
        Assert.Equal(HttpStatusCode.Gone, rejected.StatusCode);

        using var browser = await signup.SignInAsync(_server);
        await Person.VerifyAsync(_server, (await signup.MailsAsync(_server))[1].Link("/v1/verify"));
        Assert.Equal("active", await StatusAsync(signup.Slug));
    }

    [Fact]
    public async Task All_invalid_fields_are_reported_together()
    {
        var reply = await _server.Anonymous.PostAsJsonAsync("/v1/signup", new { email = "nobody", slug = "www", plan = "enterprise", country = "de", vat_id = "FR1" });

        Assert.Equal(HttpStatusCode.BadRequest, reply.StatusCode);
        var errors = (await reply.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("errors").EnumerateObject().Select(error => error.Name);
        Assert.Equal(["accept_terms", "email", "organization", "password", "plan", "slug", "vat_id"], errors.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task The_form_shows_errors_beside_the_fields_and_keeps_all_but_the_password()
    {
        using var browser = _server.NewVisitor();
        var reply = await browser.SubmitAsync(
            "/", "/signup", ("organization", "Müller & <b>Söhne</b>"), ("slug", "www"), ("plan", "premium"), ("country", "FR"), ("email", "m@example.com"),
            ("password", "typed-in-here"), ("accept_terms", "true"));

        Assert.Equal(HttpStatusCode.BadRequest, reply.StatusCode);
        var html = WebUtility.HtmlDecode(await reply.Content.ReadAsStringAsync());
        Assert.Contains("This name is reserved.", html, StringComparison.Ordinal);
        Assert.Contains("value=\"Müller & <b>Söhne</b>\"", html, StringComparison.Ordinal);
        Assert.Contains("<option value=\"FR\" selected", html, StringComparison.Ordinal);
        Assert.DoesNotContain("typed-in-here", html, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_form_creates_the_same_tenant_as_the_API_and_the_back_button_creates_no_second_one()
    {
        var signup = Person.New();
        using var browser = _server.NewVisitor();
        for (var click = 1; click <= 2; click++)
        {
            var reply = await browser.SubmitAsync(
                "/", "/signup", ("organization", $"Organization {signup.Slug}"), ("slug", signup.Slug), ("plan", "trial"), ("country", "DE"),
                ("email", signup.Email), ("password", signup.Password), ("accept_terms", "true"));
            Assert.Equal("/signup/done", reply.RequestMessage!.RequestUri!.AbsolutePath);
        }

        await signup.SendAsync(_server);
        Assert.Equal(1, await CountAsync("control.member", signup.Slug));
        Assert.Single(await signup.MailsAsync(_server));
    }

    [Fact]
    public async Task An_unconfirmed_signup_releases_its_slug_after_a_week()
    {
        var kept = Person.New();
        await kept.SendAsync(_server);
        var old = Person.New();
        await old.SendAsync(_server);
        await ExpireLinksAsync(old.Slug, TimeSpan.FromDays(5) + TimeSpan.FromMinutes(1));

        await _server.RunJobAsync("retention");
        Assert.Equal(HttpStatusCode.Accepted, (await (Person.New() with { Slug = old.Slug }).SendAsync(_server)).StatusCode);
        Assert.Equal(HttpStatusCode.Conflict, (await (Person.New() with { Slug = kept.Slug }).SendAsync(_server)).StatusCode);
    }

    [Fact]
    public async Task Too_many_signups_from_one_client_get_429_with_Retry_After()
    {
        await using var strict = await TestServer.StartAsync(sandbox: false, settings: [new("CONTROLPLANE_LIMIT_SIGNUPS", "3")]);
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(HttpStatusCode.Accepted, (await Person.New().SendAsync(strict)).StatusCode);
        }

        var rejected = await Person.New().SendAsync(strict);
        Assert.Equal(HttpStatusCode.TooManyRequests, rejected.StatusCode);
        Assert.Equal("application/problem+json", rejected.Content.Headers.ContentType!.MediaType);
        Assert.InRange(rejected.Headers.RetryAfter!.Delta!.Value.TotalSeconds, 1, 1200);
    }

    async Task<string?> StatusAsync(string slug)
    {
        await using var transaction = await _server.Database.BeginJobAsync(CancellationToken.None);
        return await transaction.ScalarAsync<string>("select status from control.tenant where slug = $1", CancellationToken.None, slug);
    }

    /// <summary>Counts rows of the tenant with this slug.</summary>
    async Task<long> CountAsync(string table, string slug, string condition = "true")
    {
        await using var transaction = await _server.Database.BeginJobAsync(CancellationToken.None);
        return await transaction.ScalarAsync<long>(
            $"select count(*) from {table} where tenant_id = (select id from control.tenant where slug = $1) and {condition}", CancellationToken.None, slug);
    }

    async Task ExpireLinksAsync(string slug, TimeSpan ago)
    {
        await using var transaction = await _server.Database.BeginJobAsync(CancellationToken.None);
        await transaction.ExecuteAsync(
            "update control.member_token set expires_at = now() - $2 where tenant_id = (select id from control.tenant where slug = $1)",
            CancellationToken.None, slug, ago);
        await transaction.CommitAsync(CancellationToken.None);
    }
}
