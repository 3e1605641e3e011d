using System.Text.Json;
using System.Text.RegularExpressions;

namespace ControlPlane.Infra.Tests;

[Collection(nameof(Stacks))]
public sealed class StandbyTests(Stacks stacks)
{
    [Fact]
    public async Task The_primary_offers_what_the_standby_asks_for()
    {
        var offered = (await stacks.GetAsync("prod")).Outputs.Keys;
        Assert.All(Mocks.PrimaryOutputs, output => Assert.Contains(output, offered));
    }

    [Fact]
    public async Task A_waiting_standby_follows_the_primarys_data_and_runs_nothing_by_schedule()
    {
        var world = await stacks.GetAsync("dr");
        var database = Assert.Single(world.Of("aws:rds/instance:Instance"));
        Assert.Contains("databaseArn", (string)database["replicateSourceDb"]!, StringComparison.Ordinal);
        Assert.Null(database["username"]);
        Assert.Empty(world.Of("aws:rds/proxy:Proxy"));
        Assert.Empty(world.Of("aws:lambda/invocation:Invocation"));
        Assert.All(world.Of("aws:scheduler/schedule:Schedule"), schedule => Assert.Equal("DISABLED", schedule["state"]));
        Assert.All(world.Of("aws:lambda/eventSourceMapping:EventSourceMapping"), source => Assert.True(source["enabled"] is false));
        Assert.Contains(world.Of("aws:cloudwatch/metricAlarm:MetricAlarm"), alarm => alarm.Name == "alarms-replica-lag");
    }

    [Fact]
    public async Task A_promoted_standby_has_its_own_database_in_place_and_runs_everything()
    {
        var (waiting, promoted) = (await stacks.GetAsync("dr"), await stacks.GetAsync("dr, promoted"));
        var database = Assert.Single(promoted.Of("aws:rds/instance:Instance"));
        Assert.Null(database["replicateSourceDb"]);
        Assert.Equal(Assert.Single(waiting.Of("aws:rds/instance:Instance"))["identifier"], database["identifier"]);
        Assert.Single(promoted.Of("aws:rds/proxy:Proxy"));
        Assert.All(promoted.Of("aws:scheduler/schedule:Schedule"), schedule => Assert.Equal("ENABLED", schedule["state"]));
    }

    [Fact]
    public async Task A_promotion_changes_nothing_whose_control_plane_is_in_one_region_only()
    {
        string[] global = ["aws:iam/", "aws:route53/", "aws:cloudfront/"];
        var before = Global(await stacks.GetAsync("dr"));
        Assert.NotEmpty(before);
        Assert.Equal(before, Global(await stacks.GetAsync("dr, promoted")));

        Dictionary<string, string> Global(World world) => world.Resources.Where(resource => global.Any(prefix => resource.Type.StartsWith(prefix, StringComparison.Ordinal)))
            .ToDictionary(resource => resource.Key, resource => JsonSerializer.Serialize(resource.Inputs));
    }

    [Theory]
    [InlineData("prod", "us-east-1")]
    [InlineData("dr", "arn:aws:of:us-east-1:111122223333:tenantRegion")]
    [InlineData("dr, promoted", "arn:aws:of:us-east-1:111122223333:tenantRegion")]
    public async Task A_standby_stands_in_for_its_primarys_region(string name, string region)
    {
        var world = await stacks.GetAsync(name);
        Assert.All(world.Of("aws:lambda/function:Function"), function => Assert.Equal(region, function["environment.variables.CONTROLPLANE_REGION"]));
        Assert.Equal(region, world.Outputs["tenantRegion"]);
    }

    [Fact]
    public async Task What_there_is_once_stays_with_the_primary()
    {
        var world = await stacks.GetAsync("dr");
        Assert.All((string[])["aws:cloudfront/distribution:Distribution", "aws:route53/zone:Zone", "aws:cloudtrail/trail:Trail", "aws:budgets/budget:Budget", "aws:efs/fileSystem:FileSystem"],
            type => Assert.Empty(world.Of(type)));
    }

    // Both are in one zone, and Route 53 takes no second record of a name and type, unless they take turns.
    [Fact]
    public async Task No_name_is_made_by_the_primary_and_the_standby()
    {
        var (primary, standby) = (Names(await stacks.GetAsync("prod")), Names(await stacks.GetAsync("dr")));
        Assert.Contains(primary, name => name.Contains("proof of", StringComparison.Ordinal));
        Assert.Contains(standby, name => name.Contains("proof of us-west-2-origin", StringComparison.Ordinal));
        Assert.Empty(primary.Intersect(standby));

        // ACM's proof is the same for a name in every region of an account; SES' signatures are not.
        static List<string> Names(World world) => [.. world.Of("aws:route53/record:Record").Where(record => !record.Name.Contains("dkim", StringComparison.Ordinal)).Select(record =>
            $"{Regex.Replace((string)record["name"]!, @"^\[\[.+ record\]\]\.", "proof of ")} {record["type"]} {record["setIdentifier"]}")];
    }

    [Fact]
    public async Task What_the_standby_holds_is_sealed_with_keys_of_its_own_region()
    {
        var world = await stacks.GetAsync("dr");
        Assert.Equal("[[aws:kms/key:Key keys-data arn]]", Assert.Single(world.Of("aws:rds/instance:Instance"))["kmsKeyId"]);
        Assert.Equal("us-west-2", (await stacks.GetAsync("prod")).One("aws:kms/key:Key", "second-region")["region"]);
    }

    [Fact]
    public async Task Primary_and_standby_can_be_peered()
    {
        var (primary, standby) = (await stacks.GetAsync("prod"), await stacks.GetAsync("dr"));
        Assert.NotEqual(Assert.Single(primary.Of("aws:ec2/vpc:Vpc"))["cidrBlock"], Assert.Single(standby.Of("aws:ec2/vpc:Vpc"))["cidrBlock"]);
    }
}
