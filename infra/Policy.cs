using System.Text.Json;

namespace ControlPlane.Infra;

/// <summary>One statement of an IAM policy. Actions are listed in full; a test rejects wildcards in allowed actions.</summary>
public sealed record Statement(IReadOnlyList<string> Actions, params Input<string>[] Resources)
{
    public string Effect { get; init; } = "Allow";

    /// <summary>("Service", "lambda.amazonaws.com"); only in resource policies and trust policies.</summary>
    public (string Kind, Input<string> Id)? Principal { get; init; }

    public IReadOnlyList<Condition> Conditions { get; init; } = [];
}

/// <summary>("StringEquals", "aws:SourceArn", arn).</summary>
public sealed record Condition(string Operator, string Key, params Input<string>[] Values);

/// <summary>IAM policy documents.</summary>
public static class Policy
{
    public static Output<string> Document(params Statement[] statements) =>
        Output.All(statements.Select(Render)).Apply(rendered => JsonSerializer.Serialize(new { Version = "2012-10-17", Statement = rendered }));

    /// <summary>Trust policy of a role that an AWS service assumes.</summary>
    public static Output<string> TrustedBy(string service, params Condition[] conditions) =>
        Document(new Statement(["sts:AssumeRole"]) { Principal = ("Service", service), Conditions = conditions });

    /// <summary>Trust policy of a role that pods assume through EKS Pod Identity.</summary>
    public static Output<string> TrustedByPods() =>
        Document(new Statement(["sts:AssumeRole", "sts:TagSession"]) { Principal = ("Service", "pods.eks.amazonaws.com") });

    static Output<Dictionary<string, object>> Render(Statement statement)
    {
        var principal = statement.Principal is { } named ? named.Id.Apply(id => (named.Kind, id)) : Output.Create(("", ""));
        var conditions = Output.All(statement.Conditions.Select(condition =>
            Output.All(condition.Values).Apply(values => (condition.Operator, condition.Key, Values: values))));
        return Output.Tuple(Output.All(statement.Resources), principal, conditions).Apply(parts =>
        {
            var (resources, (kind, id), resolvedConditions) = parts;
            var rendered = new Dictionary<string, object> { ["Effect"] = statement.Effect, ["Action"] = statement.Actions };
            if (kind.Length > 0)
            {
                rendered["Principal"] = id == "*" ? "*" : new Dictionary<string, string> { [kind] = id };
            }

            if (resources.Length > 0)
            {
                rendered["Resource"] = resources;
            }

            if (resolvedConditions.Length > 0)
            {
                rendered["Condition"] = resolvedConditions.GroupBy(condition => condition.Operator).ToDictionary(
                    group => group.Key, group => group.ToDictionary(condition => condition.Key, condition => condition.Values));
            }

            return rendered;
        });
    }
}
