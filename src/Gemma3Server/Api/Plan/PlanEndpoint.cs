using Gemma3Server.Api.Errors;
using Gemma3Server.Api.OpenApi;
using Gemma3Server.Planning;

namespace Gemma3Server.Api.Plan;

/// <summary><c>GET /v1/plan</c>: what fits, as the command <c>plan</c> shows it. It answers while the model loads, too.</summary>
internal static class PlanEndpoint
{
    public static void Map(IEndpointRouteBuilder routes) => routes.MapGetAndHead("/v1/plan", GetAsync)
        .WithName("plan").WithTags("Models").WithSummary("Tells which models fit on a card, with which context and for how many users.")
        .WithMetadata(
            new QueryParameter("model", "A model of the catalog, pulled or not, or a served one; absent = all of the catalog."),
            new QueryParameter("gpu", "Memory of the GPU, such as 24GB; detect = this machine, with what is free on it now; absent = the common sizes."),
            new QueryParameter("users", $"Conversations at the same time, 1 to {PlanValues.MostUsers}; absent = as many as fit, at most 4."),
            new QueryParameter("context", $"Tokens of each, such as 16k, at most {PlanValues.MostContext}; absent = as many as fit."),
            new QueryParameter("kv", $"Type of the KV caches: {string.Join(", ", PlanValues.KvTypes)}; absent = the server's."))
        .Produces<PlanReport>().Produces<ErrorResponse>(StatusCodes.Status400BadRequest).Produces<ErrorResponse>(StatusCodes.Status401Unauthorized);

    private static async Task GetAsync(HttpRequest request, HttpResponse response, CapacityPlanner planner)
    {
        var fields = new QueryFields(request);
        var gpu = fields.Text("gpu");
        var detect = "detect".Equals(gpu, StringComparison.OrdinalIgnoreCase);
        var wishes = new PlanWishes
        {
            Model = fields.Text("model"),
            GpuBytes = detect ? null : Read(fields, "gpu", PlanValues.Bytes),
            Detect = detect,
            Users = Read(fields, "users", PlanValues.Users),
            Context = Read(fields, "context", PlanValues.Context),
            Kv = Read(fields, "kv", PlanValues.Kv),
        };
        if (!await fields.AcceptAsync(response)) return;
        try
        {
            await response.WriteJsonAsync(planner.Plan(wishes), OpenAiJsonContext.Relaxed.PlanReport);
        }
        catch (PlanFault fault)
        {
            await response.WriteErrorAsync(OpenAiError.OutOfRange(fault.Field, $"'{fault.Field}' {fault.Problem}"));
        }
    }

    private delegate T? Reader<T>(string text, out string? fault);

    private static T? Read<T>(QueryFields fields, string name, Reader<T?> read)
    {
        if (fields.Text(name) is not { } text) return default;
        var value = read(text, out var fault);
        if (fault is not null) fields.Fail(name, $"'{name}' {fault}.");
        return value;
    }
}
