using System.Globalization;
using CliWrap;
using Npgsql;

namespace ControlPlane.Tests;

/// <summary>The number of documents, which the environment's own database limits. The table is the one that Open WebUI's migrations create. The plan basic includes 5.</summary>
[Trait("Category", "Slow")]
public sealed class DocumentJourneys
{
    const string Files = """
        create table file (
            id varchar primary key, user_id varchar, hash text, filename text, path text, data json, meta json, access_control json, created_at bigint, updated_at bigint)
        """;

    const string Document = """{"name": "report.pdf", "content_type": "application/pdf", "size": 3, "file_hash": "a", "data": {}}""";
    const string Picture = """{"name": "cat.png", "content_type": "image/png", "size": 3, "file_hash": "a", "data": {}}""";

    [Fact]
    public async Task Uploads_beyond_the_limit_are_refused_and_deletion_makes_room()
    {
        await using var rig = await ProvisioningRig.StartWithServersAsync();
        var tenant = await StorageRig.ReadyAsync(rig);
        Assert.Equal(0, (await CountAsync(rig)).Counts["documents_counted"]);
        await using var webui = await rig.ConnectAsync(tenant);
        await webui.ExecuteAsync(Files, default);
        await CountAsync(rig);

        for (var n = 0; n < 5; n++)
        {
            await UploadAsync(webui, $"d{n}");
        }

        var refused = await Assert.ThrowsAsync<PostgresException>(() => UploadAsync(webui, "d5"));
        Assert.Equal((PostgresErrorCodes.CheckViolation, "The plan includes 5 documents: delete one before uploading another."), (refused.SqlState, refused.MessageText));
        await UploadAsync(webui, "picture", Picture, "{}");
        // Sent as a picture and processed all the same.
        await Assert.ThrowsAsync<PostgresException>(() => UploadAsync(webui, "d6", Picture));
        await Assert.ThrowsAsync<PostgresException>(() => UploadAsync(webui, "d7", Document, "{}"));
        await Assert.ThrowsAsync<PostgresException>(() => UploadAsync(webui, "d8", null, null));
        await webui.ExecuteAsync("update file set data = '{\"status\": \"completed\", \"content\": \"text\"}' where id = 'd1'", default);

        await webui.ExecuteAsync("delete from file where id = 'd1'", default);
        await UploadAsync(webui, "d9", """{"name": "\u0000", "content_type": "text/plain", "data": {"x": "\u0000"}}""");
        await Assert.ThrowsAsync<PostgresException>(() => UploadAsync(webui, "d10"));
        Assert.Equal(1, (await CountAsync(rig)).Counts["documents_counted"]);
        Assert.Equal(new DocumentStatus(5, 5, (await rig.StatusAsync(tenant)).Documents!.CountedAt), (await rig.StatusAsync(tenant)).Documents);
    }

    [Fact]
    public async Task Of_uploads_at_the_same_time_no_more_than_the_limit_are_accepted()
    {
        await using var rig = await ProvisioningRig.StartWithServersAsync();
        var tenant = await StorageRig.ReadyAsync(rig);
        await using var first = await rig.ConnectAsync(tenant);
        await first.ExecuteAsync(Files, default);
        await CountAsync(rig);
        for (var n = 0; n < 4; n++)
        {
            await UploadAsync(first, $"d{n}");
        }

        var uploads = await Task.WhenAll(Enumerable.Range(4, 6).Select(async n =>
        {
            await using var connection = await rig.ConnectAsync(tenant);
            try
            {
                await UploadAsync(connection, $"d{n}");
                return 1;
            }
            catch (PostgresException)
            {
                return 0;
            }
        }));
        Assert.Equal(1, uploads.Sum());
    }

    [Fact]
    public async Task An_owner_is_told_once_and_the_operator_while_there_are_more_than_the_plan_includes()
    {
        await using var rig = await ProvisioningRig.StartWithServersAsync();
        var tenant = await StorageRig.ReadyAsync(rig);
        await using var webui = await rig.ConnectAsync(tenant);
        await webui.ExecuteAsync(Files, default);
        await PlanAsync(rig, "premium");
        Assert.Empty((await CountAsync(rig)).Alerts);
        for (var n = 0; n < 7; n++)
        {
            await UploadAsync(webui, $"d{n}");
        }

        await CountAsync(rig);
        Assert.Equal((7, null), ((await rig.StatusAsync(tenant)).Documents!.Used, (await rig.StatusAsync(tenant)).Documents!.Allowed));
        await PlanAsync(rig, "basic");
        Assert.StartsWith($"The environment of {tenant.Slug} has 7 of 5 documents", Assert.Single((await CountAsync(rig)).Alerts), StringComparison.Ordinal);
        Assert.Single((await CountAsync(rig)).Alerts);
        await Assert.ThrowsAsync<PostgresException>(() => UploadAsync(webui, "d7"));

        // One is replaced again and again.
        await webui.ExecuteAsync("delete from file where id in ('d0', 'd1', 'd2')", default);
        Assert.Empty((await CountAsync(rig)).Alerts);
        await UploadAsync(webui, "d0");
        await CountAsync(rig);
        Assert.Equal(["Your environment has 7 of 5 documents"], await SubjectsAsync(rig));

        // An operator's limit for this tenant.
        await rig.ScalarAsync<int>("insert into control.budget_override (tenant_id, rag_files, reason, updated_at) values ($1, 6, 'test', now()) returning 1", tenant.Id);
        await CountAsync(rig);
        await UploadAsync(webui, "d1");
        await CountAsync(rig);
        Assert.Equal(["Your environment has 7 of 5 documents", "Your environment has 6 of 6 documents"], await SubjectsAsync(rig));
    }

    [Fact]
    public async Task A_table_of_a_later_Open_WebUI_accepts_uploads_and_the_operator_is_told()
    {
        await using var rig = await ProvisioningRig.StartWithServersAsync();
        var tenant = await StorageRig.ReadyAsync(rig);
        await using var webui = await rig.ConnectAsync(tenant);
        await webui.ExecuteAsync(Files, default);
        await CountAsync(rig);
        await webui.ExecuteAsync("alter table file rename column meta to attributes", default);

        for (var n = 0; n < 7; n++)
        {
            await webui.ExecuteAsync("insert into file (id, attributes) values ($1, '{}')", default, $"d{n}");
        }

        Assert.Contains("Could not count the documents", Assert.Single((await rig.Get<CountDocuments>().RunAsync(default)).Failures), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_limit_is_repeated_where_it_was_removed_and_survives_a_backup()
    {
        await using var rig = await ProvisioningRig.StartWithServersAsync();
        var tenant = await StorageRig.ReadyAsync(rig);
        var server = rig.ServerOf(tenant);
        await using var webui = await rig.ConnectAsync(tenant);
        await webui.ExecuteAsync(Files, default);
        await CountAsync(rig);
        for (var n = 0; n < 5; n++)
        {
            await UploadAsync(webui, $"d{n}");
        }

        await webui.ExecuteAsync("alter table file disable trigger user", default);
        await CountAsync(rig);
        await Assert.ThrowsAsync<PostgresException>(() => UploadAsync(webui, "d5"));

        // As deploy/vps/backup.sh and restore-environment.sh do.
        var backup = Path.Combine(server.Folder, "backup");
        await server.RunAsync(["pg_dump", "--username", "postgres", "--format", "custom", "--file", backup, "environment"], PipeSource.Null, default);
        await server.RunAsync(["psql", "--username", "postgres", "--command", "create database restored template template0"], PipeSource.Null, default);
        await server.RunAsync(["psql", "--username", "postgres", "--dbname", "restored", "--command", "create schema open_webui authorization open_webui"], PipeSource.Null, default);
        await server.RunAsync(
            ["pg_restore", "--username", "open_webui", "--dbname", "restored", "--no-owner", "--no-privileges", "--exit-on-error", "--schema", "open_webui", backup],
            PipeSource.Null, default);
        var count = await server.RunAsync(
            ["psql", "--username", "open_webui", "--dbname", "restored", "--tuples-only", "--no-align", "--command", "select count(*) from file"], PipeSource.Null, default);
        Assert.Equal("5", count.Trim());
        await Assert.ThrowsAsync<StepFailedException>(() => server.RunAsync(
            ["psql", "--username", "open_webui", "--dbname", "restored", "--command", "insert into file (id) values ('d5')"], PipeSource.Null, default));
    }

    static async Task<JobReport> CountAsync(ProvisioningRig rig)
    {
        var report = await rig.Get<CountDocuments>().RunAsync(default);
        Assert.Empty(report.Failures);
        return report;
    }

    static Task<int> UploadAsync(NpgsqlConnection webui, string id, string? meta = Document, string? data = """{"status": "pending"}""") => webui.ExecuteAsync(
        "insert into file (id, user_id, filename, path, data, meta, created_at, updated_at) values ($1, 'u', $1, '/app/backend/data/uploads/x', $2::json, $3::json, 1, 1)", default,
        id, data, meta);

    static Task<int> PlanAsync(ProvisioningRig rig, string plan) =>
        rig.ScalarAsync<int>(string.Create(CultureInfo.InvariantCulture, $"update control.tenant set requested_plan = '{plan}' returning 1"));

    static async Task<string[]> SubjectsAsync(ProvisioningRig rig) =>
        await rig.ScalarAsync<string[]>("select array_agg(subject order by created_at, id) from control.outbox where dedupe_key like 'documents:%'") ?? [];
}
