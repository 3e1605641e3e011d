using System.Globalization;
using System.Text.RegularExpressions;
using static ControlPlane.Tests.RenderedCompose;

namespace ControlPlane.Tests;

/// <summary>The database server of each environment, as Compose reads it.</summary>
public sealed class ComposeDatabaseTests
{
    public static TheoryData<string> Plans => [.. Samples.Plans];

    [Fact]
    public void Gateway_and_Open_WebUI_use_separate_schemas_and_logins_of_one_database()
    {
        var (webui, gateway) = (Environment("basic", "open-webui"), Environment("basic", "litellm"));
        Assert.Equal("postgresql://open_webui:${DATABASE_PASSWORD}@database:5432/environment", webui["DATABASE_URL"]);
        Assert.Equal("open_webui", webui["DATABASE_SCHEMA"]);
        Assert.Equal("postgresql://litellm:${GATEWAY_DATABASE_PASSWORD}@database:5432/environment?schema=litellm", gateway["DATABASE_URL"]);
        Assert.DoesNotContain(webui.Values, value => value.Contains("GATEWAY_DATABASE_PASSWORD", StringComparison.Ordinal));
    }

    // A login on a server that others use can take its connections, its lock table, its memory and its disk.
    [Theory, MemberData(nameof(Plans))]
    public void An_environment_knows_no_database_server_but_its_own(string plan)
    {
        var project = Render(plan);
        var hosts = Regex.Matches(project.Compose, @"postgres(?:ql)?://[^@\s]*@([^:/\s]+)").Select(match => match.Groups[1].Value).ToList();
        Assert.Equal(["database", "database"], hosts);
        Assert.DoesNotContain("@postgres", project.Compose, StringComparison.Ordinal);
        var database = Service(plan, "database");
        Assert.Equal(Images.Get("postgres"), database["image"]);
        Assert.Equal(["private"], (List<object>)database["networks"]);
        Assert.Equal(["./database/start.sh:/start.sh:ro", "./database/logins.sql:/logins.sql:ro", "database:/var/lib/postgresql/data"], (List<object>)database["volumes"]);
        Assert.Equal(["PGDATA", "DATABASE_PASSWORD", "GATEWAY_DATABASE_PASSWORD"], ((Dictionary<object, object>)database["environment"]).Keys);
        Assert.Contains("database", ((Dictionary<object, object>)Read(project.Compose)["volumes"]).Keys);
    }

    [Theory, MemberData(nameof(Plans))]
    public void The_memory_for_a_databases_pages_leaves_room_for_its_connections(string plan)
    {
        var database = Service(plan, "database");
        var limit = int.Parse(((string)database["mem_limit"]).TrimEnd('m'), CultureInfo.InvariantCulture);
        var buffers = int.Parse(Regex.Match(Words(database, "command").Last(), @"^shared_buffers=(\d+)MB$").Groups[1].Value, CultureInfo.InvariantCulture);
        // 20 connections of about 8 MB, and the server's own processes.
        Assert.InRange(limit - buffers, 200, limit);
    }

    [Fact]
    public void Open_WebUI_and_the_gateway_start_after_the_database_and_its_container_is_recreated_when_its_files_change()
    {
        Assert.All(["open-webui", "litellm"], (string service) => Assert.Contains("database", ((Dictionary<object, object>)Service("basic", service)["depends_on"]).Keys));
        Assert.Matches("^[0-9a-f]{64}$", (string)((Dictionary<object, object>)Service("basic", "database")["labels"])["controlplane.config"]);
    }
}
