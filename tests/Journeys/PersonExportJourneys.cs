using System.Net.Http.Json;
using Npgsql;

namespace ControlPlane.Tests;

/// <summary>An export goes to a person by ways that others read: it must not open anything.</summary>
public sealed class PersonExportJourneys(SharedServer shared) : IClassFixture<SharedServer>
{
    readonly TestServer _server = shared.Server;

    [Fact]
    public async Task An_export_contains_no_link_that_works_and_no_hash_of_any_kind()
    {
        var person = Person.New();
        await person.CompleteAsync(_server);
        await (person with { Slug = Names.Random("s") }).SendAsync(_server);
        var tenant = await _server.CreateTenantAsync();
        await _server.Services.GetRequiredService<InviteMember>().RunAsync(tenant.Id, person.Email, "viewer", "test", default);
        using var browser = await person.SignInAsync(_server);
        await browser.SubmitAsync("/app/account", "/app/account", ("email", $"next@{person.Slug}.example"), ("password", person.Password));
        await browser.ForgetAsync(person.Email);
        string[] addresses = [person.Email, $"next@{person.Slug}.example"];
        var tokens = (await _server.MailsAsync())
            .Where(mail => addresses.Any(address => mail.To.Contains(address, StringComparison.Ordinal)) && mail.Body.Contains("token=", StringComparison.Ordinal))
            .Select(mail => mail.Body[(mail.Body.IndexOf("token=", StringComparison.Ordinal) + "token=".Length)..].Split()[0]).ToList();
        Assert.Equal(5, tokens.Distinct().Count());

        foreach (var address in addresses)
        {
            var export = await (await _server.Operator.PostAsJsonAsync("/v1/admin/people/export", new { email = address })).Content.ReadAsStringAsync();
            Assert.Contains("CFS LLM Platform", export, StringComparison.Ordinal);
            Assert.All(tokens, token => Assert.DoesNotContain(token, export, StringComparison.Ordinal));
            foreach (var hash in await HashesAsync())
            {
                Assert.DoesNotContain(hash, export, StringComparison.OrdinalIgnoreCase);
            }
        }
    }

    [Fact]
    public async Task All_spellings_of_an_address_in_usage_are_one_entry()
    {
        var tenant = await _server.CreateReadyTenantAsync();
        var name = Names.Random("user");
        string[] spellings = [$"{name}@example.org", $"{name.ToUpperInvariant()}@example.org", $"{name}@Example.org"];
        await _server.ReportAsync(tenant, [.. spellings.Select((user, n) => Deliveries.Event($"{name}{n}", _server.Clock.GetUtcNow(), user: user))]).CountsAsync();

        var export = await (await _server.Operator.PostAsJsonAsync("/v1/admin/people/export", new { email = spellings[1] })).ReadAsync();

        var usage = Assert.Single(export.GetProperty("usage").EnumerateArray());
        Assert.Equal((spellings[0], 3), (usage.GetProperty("user").GetString(), usage.GetProperty("requests").GetInt32()));
    }

    /// <summary>Every stored hash of the database, in hexadecimal and base64.</summary>
    async Task<IReadOnlyList<string>> HashesAsync()
    {
        await using var database = NpgsqlDataSource.Create(_server.ConnectionString);
        await using var command = database.CreateCommand("""
            select encode(hash, format) from (
                select hash from control.member_token union all select token_hash from control.member_session union all select hash from control.tenant_key
                union all select key_hash from control.operator union all select subject from control.rate_counter union all select person from control.trial_use) h
                cross join (values ('hex'), ('base64')) f (format)
            where length(hash) > 0
            union all select password_hash from control.member where password_hash is not null
            """);
        await using var reader = await command.ExecuteReaderAsync();
        var hashes = new List<string>();
        while (await reader.ReadAsync())
        {
            hashes.Add(reader.GetString(0).Replace("\n", "", StringComparison.Ordinal));
        }

        return hashes;
    }
}
