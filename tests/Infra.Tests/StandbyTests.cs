using System.Text.Json;
using System.Text.RegularExpressions;

namespace ControlPlane.Infra.Tests;

[Collection(nameof(Stacks))]
public sealed class StandbyTests(Stacks stacks)
{
    [Fact]
    public async Task The_primary_has_every_output_that_the_standby_uses()
    {
        var outputs = (await stacks.GetAsync("prod")).Outputs.Keys;
        Assert.All(Mocks.PrimaryOutputs, output => Assert.Contains(output, outputs));
    }

    [Fact]
    public async Task A_passive_standby_replicates_the_primarys_database_and_runs_no_jobs()
    {
        var deployed = await stacks.GetAsync("dr");
        var database = Assert.Single(deployed.OfType("aws:rds/instance:Instance"));
        Assert.Contains("databaseArn", (string)database["replicateSourceDb"]!, StringComparison.Ordinal);
        Assert.Null(database["username"]);
        Assert.Empty(deployed.OfType("aws:rds/proxy:Proxy"));
        Assert.Empty(deployed.OfType("aws:lambda/invocation:Invocation"));
        Assert.All(deployed.OfType("aws:scheduler/schedule:Schedule"), schedule => Assert.Equal("DISABLED", schedule["state"]));
        Assert.All(deployed.OfType("aws:lambda/eventSourceMapping:EventSourceMapping"), source => Assert.True(source["enabled"] is false));
        Assert.Contains(deployed.OfType("aws:cloudwatch/metricAlarm:MetricAlarm"), alarm => alarm.Name == "alarms-replica-lag");
    }

    [Fact]
    public async Task A_promotion_makes_the_database_writable_in_place_and_enables_all_jobs()
    {
        var (passive, promoted) = (await stacks.GetAsync("dr"), await stacks.GetAsync("dr, promoted"));
        var database = Assert.Single(promoted.OfType("aws:rds/instance:Instance"));
        Assert.Null(database["replicateSourceDb"]);
        Assert.Equal(Assert.Single(passive.OfType("aws:rds/instance:Instance"))["identifier"], database["identifier"]);
        Assert.Single(promoted.OfType("aws:rds/proxy:Proxy"));
        Assert.All(promoted.OfType("aws:scheduler/schedule:Schedule"), schedule => Assert.Equal("ENABLED", schedule["state"]));
    }

    [Fact]
    public async Task A_promotion_changes_no_resource_of_a_global_service()
    {
        string[] globalServices = ["aws:iam/", "aws:route53/", "aws:cloudfront/"];
        var before = GlobalResources(await stacks.GetAsync("dr"));
        Assert.NotEmpty(before);
        Assert.Equal(before, GlobalResources(await stacks.GetAsync("dr, promoted")));

        Dictionary<string, string> GlobalResources(StackSnapshot deployed) => deployed.Resources.Where(resource => globalServices.Any(prefix => resource.Type.StartsWith(prefix, StringComparison.Ordinal)))
            .ToDictionary(resource => resource.Key, resource => JsonSerializer.Serialize(resource.Inputs));
    }

    [Theory]
    [InlineData("prod", "us-east-1")]
    [InlineData("dr", "arn:aws:of:us-east-1:111122223333:tenantRegion")]
    [InlineData("dr, promoted", "arn:aws:of:us-east-1:111122223333:tenantRegion")]
    public async Task A_standby_serves_its_primarys_region(string name, string region)
    {
        var deployed = await stacks.GetAsync(name);
        Assert.All(deployed.OfType("aws:lambda/function:Function"), function => Assert.Equal(region, function["environment.variables.CONTROLPLANE_REGION"]));
        Assert.Equal(region, deployed.Outputs["tenantRegion"]);
    }

    [Fact]
    public async Task Singleton_resources_are_created_in_the_primary_only()
    {
        var deployed = await stacks.GetAsync("dr");
        Assert.All((string[])["aws:cloudfront/distribution:Distribution", "aws:route53/zone:Zone", "aws:cloudtrail/trail:Trail", "aws:budgets/budget:Budget", "aws:efs/fileSystem:FileSystem"],
            type => Assert.Empty(deployed.OfType(type)));
    }

    // Both stacks use one zone, and Route 53 rejects a second record with the same name and type unless both are failover records.
    [Fact]
    public async Task Primary_and_standby_create_no_DNS_record_twice()
    {
        var (primary, standby) = (Names(await stacks.GetAsync("prod")), Names(await stacks.GetAsync("dr")));
        Assert.Contains(primary, name => name.Contains("validation of", StringComparison.Ordinal));
        // Its regional alias, whose name begins with the secret label. The names that are validated are the primary's.
        Assert.Contains(standby, name => name.Contains("originLabel-us-west-2", StringComparison.Ordinal));
        Assert.Empty(primary.Intersect(standby));

        // ACM's validation record of a name is the same in every region of an account; the DKIM records of SES differ.
        static List<string> Names(StackSnapshot deployed) => [.. deployed.OfType("aws:route53/record:Record").Where(record => !record.Name.Contains("dkim", StringComparison.Ordinal)).Select(record =>
            $"{Regex.Replace((string)record["name"]!, @"^\[\[.+ record\]\]\.", "validation of ")} {record["type"]} {record["setIdentifier"]}")];
    }

    [Fact]
    public async Task Data_of_the_standby_is_encrypted_with_keys_of_its_own_region()
    {
        var deployed = await stacks.GetAsync("dr");
        Assert.Equal("[[aws:kms/key:Key keys-data arn]]", Assert.Single(deployed.OfType("aws:rds/instance:Instance"))["kmsKeyId"]);
        Assert.Equal("us-west-2", (await stacks.GetAsync("prod")).Get("aws:kms/key:Key", "second-region")["region"]);
    }

    [Fact]
    public async Task Primary_and_standby_can_be_peered()
    {
        var (primary, standby) = (await stacks.GetAsync("prod"), await stacks.GetAsync("dr"));
        Assert.NotEqual(Assert.Single(primary.OfType("aws:ec2/vpc:Vpc"))["cidrBlock"], Assert.Single(standby.OfType("aws:ec2/vpc:Vpc"))["cidrBlock"]);
    }
}
