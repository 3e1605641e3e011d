namespace ControlPlane.Web.Shared;

/// <summary>Field errors as problem+json with <c>errors: {field: [what to send instead]}</c>.</summary>
static class FieldProblems
{
    /// <summary>400: the values are invalid.</summary>
    public static ValidationProblem ToValidationProblem(this FieldErrors errors) => TypedResults.ValidationProblem(ByField(errors));

    /// <summary>409: the values are valid but already in use.</summary>
    public static ProblemHttpResult ToConflict(this FieldErrors errors) => TypedResults.Problem(
        string.Join(' ', errors.Values), statusCode: StatusCodes.Status409Conflict, title: "Already in use",
        extensions: new Dictionary<string, object?> { ["errors"] = ByField(errors) });

    static Dictionary<string, string[]> ByField(FieldErrors errors) => errors.ToDictionary(error => error.Key, error => new[] { error.Value });
}
