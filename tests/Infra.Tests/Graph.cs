using System.Text;

namespace ControlPlane.Infra.Tests;

/// <summary>Renders a stack's resources for review, as a list and as a Mermaid diagram of its components.</summary>
static class Graph
{
    /// <summary>One line per resource under its component, followed by its dependencies.</summary>
    public static string List(StackSnapshot deployed)
    {
        var text = new StringBuilder();
        foreach (var component in deployed.Resources.Where(resource => resource.IsComponent))
        {
            text.Append(null, $"{component.Key} < {component.Parent ?? "stack"}\n");
            foreach (var resource in deployed.Resources.Where(resource => !resource.IsComponent && resource.Parent == component.Name))
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

    /// <summary>Top-level components with the number of resources by type, and arrows for their dependencies.</summary>
    public static string Mermaid(StackSnapshot deployed)
    {
        var componentOf = deployed.Resources.ToDictionary(resource => resource.Key, deployed.TopComponentOf);
        var text = new StringBuilder("```mermaid\nflowchart LR\n");
        foreach (var component in componentOf.Values.OfType<string>().Distinct().Order(StringComparer.Ordinal))
        {
            var contents = from resource in deployed.Resources
                           where !resource.IsComponent && componentOf[resource.Key] == component
                           group resource by ShortType(resource.Type) into kind
                           orderby kind.Key
                           select kind.Count() == 1 ? kind.Key : $"{kind.Count()} × {kind.Key}";
            text.Append(null, $"  {component}[\"<b>{component}</b><br/>{string.Join("<br/>", contents)}\"]\n");
        }

        var arrows = from resource in deployed.Resources
                     from dependency in resource.DependsOn
                     let arrow = (From: componentOf[resource.Key], To: componentOf[dependency])
                     where arrow.From is not null && arrow.To is not null && arrow.From != arrow.To
                     select $"  {arrow.From} --> {arrow.To}\n";
        return text.AppendJoin("", arrows.Distinct().Order(StringComparer.Ordinal)).Append("```\n").ToString();
    }

    // aws:ec2/vpcEndpoint:VpcEndpoint becomes ec2 VpcEndpoint.
    static string ShortType(string type) => $"{type.Split(':')[1].Split('/')[0]} {type.Split(':')[2]}";
}
