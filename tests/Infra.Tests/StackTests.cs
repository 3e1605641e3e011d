namespace ControlPlane.Infra.Tests;

public sealed class StackTests
{
    [Theory]
    [InlineData("dev")]
    [InlineData("prod")]
    [InlineData("dr")]
    public async Task Every_stack_file_builds(string name)
    {
        var stack = await World.BuildAsync(StackFile.Read(name));
        Assert.NotEmpty(stack.Resources);
        Assert.Equal(stack.Resources.Count, stack.Resources.Select(resource => resource.Key).Distinct().Count());
    }
}
