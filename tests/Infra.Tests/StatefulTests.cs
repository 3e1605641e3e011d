using Pulumi;

namespace ControlPlane.Infra.Tests;

/// <summary>Changes to the program never lose data.</summary>
[Collection(nameof(Stacks))]
public sealed class StatefulTests(Stacks stacks)
{
    [Theory]
    [InlineData("prod", true)]
    [InlineData("prod, cheaper", false)]
    [InlineData("dev", true)]
    public async Task Stateful_resources_are_protected_unless_the_stack_disables_it(string name, bool isProtected)
    {
        var deployed = await stacks.GetAsync(name);
        Assert.All(deployed.Resources.Where(resource => Conventions.StatefulTypes.Contains(resource.Type)), resource => Assert.Equal(isProtected, resource.Protect));
        Assert.DoesNotContain(deployed.Resources, resource => resource.Protect && !Conventions.StatefulTypes.Contains(resource.Type));
        Assert.All(deployed.OfType("aws:eks/cluster:Cluster").Concat(deployed.OfType("aws:rds/instance:Instance")), resource => Assert.Equal(isProtected, resource["deletionProtection"]));
        Assert.All(deployed.OfType("aws:ec2/instance:Instance"), host => Assert.Equal(isProtected, host["disableApiTermination"]));
    }

    // Lines of Golden/stateful.txt are never removed: they are resources that exist in deployed stacks.
    [Fact]
    public async Task A_released_stateful_resource_is_never_replaced()
    {
        var known = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var name in (string[])["dev", "prod", "dr"])
        {
            var deployed = await stacks.GetAsync(name);
            foreach (var resource in deployed.Resources.Where(resource => Conventions.StatefulTypes.Contains(resource.Type)))
            {
                known.Add(deployed.UrnOf(resource));
                known.UnionWith(resource.AliasUrns.Select(urn => string.Join("::", urn.Split("::")[2..])));
            }
        }

        var file = Path.Combine(StackFile.Root, "tests", "Infra.Tests", "Golden", "stateful.txt");
        var released = File.Exists(file) ? File.ReadAllLines(file) : [];
        if (Environment.GetEnvironmentVariable("UPDATE_GOLDEN") == "1")
        {
            File.WriteAllLines(file, released.Union(known).Order(StringComparer.Ordinal));
        }

        Assert.All(released, urn => Assert.True(known.Contains(urn), $"{urn} would be replaced: add its former and new name to infra/Renames.cs"));
        Assert.All(known, urn => Assert.True(File.ReadAllLines(file).Contains(urn), $"{urn} is new: run once with UPDATE_GOLDEN=1"));
    }

    [Fact]
    public async Task An_entry_in_Renames_becomes_an_alias()
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
            recorder.Recorded.Single(recorded => recorded.Name == "models").AliasUrns);
        Assert.Empty(recorder.Recorded.Single(recorded => recorded.Name == "other").AliasUrns);
        Assert.All(recorder.Recorded, recorded => Assert.True(recorded.Protect));
    }
}
