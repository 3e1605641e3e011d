namespace ControlPlane.Web.Shared;

/// <summary>Answers about fields, as problem+json with <c>errors: {field: [what to send instead]}</c>.</summary>
static class FieldProblems
{
    /// <summary>400: the fields are wrong in themselves.</summary>
    public static ValidationProblem ToValidationProblem(this FieldErrors errors) => TypedResults.ValidationProblem(ByField(errors));

    /// <summary>409: the fields are right, but somebody else has their values.</summary>
    public static ProblemHttpResult ToConflict(this FieldErrors errors) => TypedResults.Problem(
        string.Join(' ', errors.Values), statusCode: StatusCodes.Status409Conflict, title: "Taken",
        extensions: new Dictionary<string, object?> { ["errors"] = ByField(errors) });

    static Dictionary<string, string[]> ByField(FieldErrors errors) => errors.ToDictionary(error => error.Key, error => new[] { error.Value });
}
