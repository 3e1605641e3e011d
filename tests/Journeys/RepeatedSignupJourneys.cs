using System.Net;

namespace ControlPlane.Tests;

/// <summary>Signing up again after a deletion, and once per person.</summary>
public sealed class RepeatedSignupJourneys
{
    static readonly DateTimeOffset Now = new(2026, 1, 15, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public async Task After_a_deletion_the_same_address_signs_up_again_and_the_slug_is_free_after_its_rest()
    {
        await using var server = await TestServer.StartAsync(clock: Now, settings: [new("CONTROLPLANE_SLUG_REST_DAYS", "10")]);
        var person = Person.New();
        var first = await person.CompleteAsync(server);
        await DeleteAsync(server, first);
        var before = (await person.MailsAsync(server)).Select(mail => mail.File).ToHashSet();

        Assert.Equal(HttpStatusCode.Conflict, (await person.SendAsync(server)).StatusCode);
        var again = Person.New() with { Email = person.Email };
        var second = (await (await again.SendAsync(server)).ReadAsync()).GetProperty("tenant_id").GetGuid();
        await Person.VerifyAsync(server, (await again.MailsAsync(server)).Single(mail => !before.Contains(mail.File)).Link("/v1/verify"));
        Assert.NotEqual(first, second);
        using var browser = await again.SignInAsync(server);
        Assert.Equal("/app", (await browser.GetAsync("/app")).RequestMessage!.RequestUri!.AbsolutePath);

        await server.MoveClockAsync(Now.AddDays(9));
        Assert.Equal(HttpStatusCode.Conflict, (await (Person.New() with { Slug = person.Slug }).SendAsync(server)).StatusCode);
        await server.MoveClockAsync(Now.AddDays(12));
        Assert.Equal(HttpStatusCode.Accepted, (await (Person.New() with { Slug = person.Slug }).SendAsync(server)).StatusCode);
        var shown = await (await server.Operator.GetAsync($"/v1/admin/tenants/{first}")).ReadAsync();
        Assert.Equal((person.Slug, "deleted"), (shown.GetProperty("slug").GetString(), shown.GetProperty("status").GetString()));
    }

    [Fact]
    public async Task A_slug_like_the_placeholder_of_a_deleted_tenant_is_refused_and_one_that_exists_delays_no_other()
    {
        await using var server = await TestServer.StartAsync(clock: Now, settings: [new("CONTROLPLANE_SLUG_REST_DAYS", "1")]);
        var (person, another) = (Person.New(), Person.New());
        var (first, second) = (await person.CompleteAsync(server), await another.CompleteAsync(server));
        var placeholder = $"deleted-{first:N}";
        Assert.Equal(HttpStatusCode.BadRequest, (await (Person.New() with { Slug = placeholder }).SendAsync(server)).StatusCode);
        await server.SqlAsync("update control.tenant set slug = $2 where id = $1", (await server.CreateTenantAsync()).Id, placeholder);
        await DeleteAsync(server, first);
        await DeleteAsync(server, second);

        await server.MoveClockAsync(Now.AddDays(3));

        Assert.Equal(HttpStatusCode.Accepted, (await (Person.New() with { Slug = another.Slug }).SendAsync(server)).StatusCode);
    }

    [Fact]
    public async Task Where_each_person_has_one_trial_a_tag_or_a_dot_makes_no_new_person()
    {
        await using var server = await TestServer.StartAsync(settings: [new("CONTROLPLANE_ONE_TRIAL_PER_PERSON", "true")]);
        await AcceptedAsync("ada.lovelace@gmail.com");
        await RefusedAsync("Ada.Lovelace+second@gmail.com");
        await RefusedAsync("adalovelace@googlemail.com");
        await AcceptedAsync("ada.lovelace@example.com");
        await AcceptedAsync("adalovelace@example.com");
        await RefusedAsync("adalovelace+2@example.com");

        // A paid plan is not a trial; the same signup may be changed to it.
        var paying = new Person("ada.lovelace+paid@gmail.com", Names.Random("s")) { Plan = "basic" };
        await paying.CompleteAsync(server);

        async Task AcceptedAsync(string email) => await new Person(email, Names.Random("s")).CompleteAsync(server);

        async Task RefusedAsync(string email)
        {
            var refused = await Assert.ThrowsAsync<HttpRequestException>(() => AcceptedAsync(email));
            Assert.Equal(HttpStatusCode.Conflict, refused.StatusCode);
        }
    }

    [Fact]
    public async Task A_disposable_address_cannot_sign_up_for_any_plan()
    {
        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, "# disposable\nmailinator.example\n");
        await using var server = await TestServer.StartAsync(settings: [new("CONTROLPLANE_DISPOSABLE_DOMAINS", file)]);
        var person = Person.New();
        Assert.Equal(HttpStatusCode.BadRequest, (await (person with { Email = "x@sub.MAILINATOR.example" }).SendAsync(server)).StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest, (await (person with { Email = "x@mailinator.example", Plan = "basic" }).SendAsync(server)).StatusCode);
        Assert.Equal(HttpStatusCode.Accepted, (await (Person.New() with { Email = "x@notmailinator.example" }).SendAsync(server)).StatusCode);
        File.Delete(file);
    }

    static async Task DeleteAsync(TestServer server, Guid tenant)
    {
        (await server.Operator.PostAsync($"/v1/admin/tenants/{tenant}/delete", content: null)).EnsureSuccessStatusCode();
        for (var attempt = 0; await server.ReadAsync<string>("select status from control.tenant where id = $1", tenant) != "deleted"; attempt++)
        {
            Assert.True(attempt < 100, "the tenant was not deleted");
            await server.RunJobAsync("provision");
        }
    }
}
