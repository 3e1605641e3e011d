using System.Text;

namespace ControlPlane.Infra.Tests;

/// <summary>A stack's resources as text to review: as a list, and as a Mermaid diagram of its components.</summary>
static class Graph
{
    /// <summary>One line per resource under its component, followed by what it depends on.</summary>
    public static string List(World world)
    {
        var text = new StringBuilder();
        foreach (var component in world.Resources.Where(resource => resource.IsComponent))
        {
            text.Append(null, $"{component.Key} < {component.Parent ?? "stack"}\n");
            foreach (var resource in world.Resources.Where(resource => !resource.IsComponent && resource.Parent == component.Name))
            {
                text.Append(null, $"  {resource.Key}{(resource.Protect ? " (protected)" : "")}\n");
                foreach (var dependency in resource.DependsOn)
                {
                    text.Append(null, $"    -> {dependency}\n");
                }
            }
        }

        return text.ToString();
    }

    /// <summary>The topology's components as boxes with what they hold, and an arrow wherever one needs another.</summary>
    public static string Mermaid(World world)
    {
        var boxOf = world.Resources.ToDictionary(resource => resource.Key, world.TopComponentOf);
        var text = new StringBuilder("```mermaid\nflowchart LR\n");
        foreach (var box in boxOf.Values.OfType<string>().Distinct().Order(StringComparer.Ordinal))
        {
            var holds = from resource in world.Resources
                        where !resource.IsComponent && boxOf[resource.Key] == box
                        group resource by Short(resource.Type) into kind
                        orderby kind.Key
                        select kind.Count() == 1 ? kind.Key : $"{kind.Count()} × {kind.Key}";
            text.Append(null, $"  {box}[\"<b>{box}</b><br/>{string.Join("<br/>", holds)}\"]\n");
        }

        var arrows = from resource in world.Resources
                     from dependency in resource.DependsOn
                     let needs = (From: boxOf[resource.Key], To: boxOf[dependency])
                     where needs.From is not null && needs.To is not null && needs.From != needs.To
                     select $"  {needs.From} --> {needs.To}\n";
        return text.AppendJoin("", arrows.Distinct().Order(StringComparer.Ordinal)).Append("```\n").ToString();
    }

    // aws:ec2/vpcEndpoint:VpcEndpoint is ec2 VpcEndpoint.
    static string Short(string type) => $"{type.Split(':')[1].Split('/')[0]} {type.Split(':')[2]}";
}
