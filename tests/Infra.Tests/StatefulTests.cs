using Pulumi;

namespace ControlPlane.Infra.Tests;

/// <summary>A change of the program never costs data.</summary>
[Collection(nameof(Stacks))]
public sealed class StatefulTests(Stacks stacks)
{
    [Theory]
    [InlineData("prod", true)]
    [InlineData("prod, cheaper", false)]
    [InlineData("dev", true)]
    public async Task What_holds_data_is_protected_unless_the_stack_says_otherwise(string name, bool isProtected)
    {
        var world = await stacks.GetAsync(name);
        Assert.All(world.Resources.Where(resource => Conventions.StatefulTypes.Contains(resource.Type)), resource => Assert.Equal(isProtected, resource.Protect));
        Assert.DoesNotContain(world.Resources, resource => resource.Protect && !Conventions.StatefulTypes.Contains(resource.Type));
        Assert.All(world.Of("aws:eks/cluster:Cluster").Concat(world.Of("aws:rds/instance:Instance")), resource => Assert.Equal(isProtected, resource["deletionProtection"]));
        Assert.All(world.Of("aws:ec2/instance:Instance"), host => Assert.Equal(isProtected, host["disableApiTermination"]));
    }

    // Golden/stateful.txt grows with every release and never loses a line: it is what exists in somebody's account.
    [Fact]
    public async Task A_released_stateful_resource_is_never_replaced()
    {
        var known = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var name in (string[])["dev", "prod", "dr"])
        {
            var world = await stacks.GetAsync(name);
            foreach (var resource in world.Resources.Where(resource => Conventions.StatefulTypes.Contains(resource.Type)))
            {
                known.Add(world.UrnOf(resource));
                known.UnionWith(resource.AliasUrns.Select(urn => string.Join("::", urn.Split("::")[2..])));
            }
        }

        var file = Path.Combine(StackFile.Root, "tests", "Infra.Tests", "Golden", "stateful.txt");
        var released = File.Exists(file) ? File.ReadAllLines(file) : [];
        if (Environment.GetEnvironmentVariable("UPDATE_GOLDEN") == "1")
        {
            File.WriteAllLines(file, released.Union(known).Order(StringComparer.Ordinal));
        }

        Assert.All(released, urn => Assert.True(known.Contains(urn), $"{urn} would be replaced: add its new name to infra/Renames.cs"));
        Assert.All(known, urn => Assert.True(File.ReadAllLines(file).Contains(urn), $"{urn} is new: run once with UPDATE_GOLDEN=1"));
    }

    [Fact]
    public async Task A_rename_in_the_table_becomes_an_alias()
    {
        var renames = new Renames(("controlplane:topology:Eks$controlplane:storage:Files$aws:ebs/volume:Volume::files", "aws:ebs/volume:Volume", "models"));
        var stack = new StackInfo("controlplane", "prod", "us-east-1", "platform-team", Protect: true, Account: null!);
        var recorder = new Recorder();
        await Deployment.TestAsync(new Mocks(), new() { IsPreview = false, ProjectName = "controlplane", StackName = "prod" }, async () =>
        {
            var options = new CustomResourceOptions { ResourceTransformations = { new Conventions(stack, renames).Apply, recorder.Record } };
            _ = new Pulumi.Aws.Ebs.Volume("models", new() { AvailabilityZone = "a" }, options);
            _ = new Pulumi.Aws.Ebs.Volume("other", new() { AvailabilityZone = "a" }, options);
            await recorder.ResolveAsync(new Dictionary<string, object?>());
        });
        Assert.Equal(["urn:pulumi:prod::controlplane::controlplane:topology:Eks$controlplane:storage:Files$aws:ebs/volume:Volume::files"],
            recorder.Seen.Single(seen => seen.Name == "models").AliasUrns);
        Assert.Empty(recorder.Seen.Single(seen => seen.Name == "other").AliasUrns);
        Assert.All(recorder.Seen, seen => Assert.True(seen.Protect));
    }
}
