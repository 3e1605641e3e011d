namespace ControlPlane.Infra.Tests;

[Collection(nameof(Stacks))]
public sealed class StackTests(Stacks stacks)
{
    static readonly string[] SecretSuffixes = ["Password", "Token", "Secret", "Key"];

    [Theory]
    [MemberData(nameof(Stacks.Names), MemberType = typeof(Stacks))]
    public async Task Every_stack_builds_with_one_topology_at_its_root(string name)
    {
        var deployed = await stacks.GetAsync(name);
        Assert.Matches("^controlplane:topology:(Vps|Eks)$", Assert.Single(deployed.Resources, resource => resource.Parent is null).Type);
        Assert.Equal(deployed.Resources.Count, deployed.Resources.Select(resource => resource.Key).Distinct().Count());
    }

    [Fact]
    public void The_plan_consists_of_plain_records_without_Pulumi_types() => Assert.All(
        typeof(Plan).Assembly.GetTypes().Where(type => type == typeof(Plan) || type.Namespace == "ControlPlane.Infra.Plans")
            .SelectMany(type => type.GetProperties()).SelectMany(property => property.PropertyType.GetGenericArguments().Append(property.PropertyType)),
        type => Assert.False(type.Namespace?.StartsWith("Pulumi", StringComparison.Ordinal), type.FullName));

    [Theory]
    [MemberData(nameof(Stacks.Names), MemberType = typeof(Stacks))]
    public async Task Output_names_are_camel_case_and_secret_values_are_marked_as_secret(string name)
    {
        var deployed = await stacks.GetAsync(name);
        Assert.All(deployed.Outputs, output => Assert.Matches("^[a-z][A-Za-z0-9]*$", output.Key));
        Assert.All(deployed.Outputs, output => Assert.NotNull(output.Value));
        Assert.All(deployed.Outputs.Keys.Where(key => SecretSuffixes.Any(suffix => key.EndsWith(suffix, StringComparison.Ordinal))), key => Assert.Contains(key, deployed.SecretOutputs));
    }
}
