using Gemma3Server.Api.Errors;
using Gemma3Server.Hosting;

namespace Gemma3Server.Api.Models;

/// <summary><c>GET</c> and <c>HEAD</c> of <c>/v1/models</c> and <c>/v1/models/{id}</c>; they answer while the model loads, too.</summary>
internal static class ModelsEndpoint
{
    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGetAndHead("/v1/models", ListAsync)
            .WithName("listModels").WithTags("Models").WithSummary("Lists the served model.")
            .Produces<ModelList>().Produces<ErrorResponse>(StatusCodes.Status401Unauthorized);

        // A catch-all: ids may contain slashes, as in "google/gemma-3-1b-it".
        routes.MapGetAndHead("/v1/models/{**id}", RetrieveAsync)
            .WithName("retrieveModel").WithTags("Models").WithSummary("Describes one model.")
            .Produces<ModelDescription>().Produces<ErrorResponse>(StatusCodes.Status401Unauthorized)
            .Produces<ErrorResponse>(StatusCodes.Status404NotFound);
    }

    private static Task ListAsync(HttpResponse response, ServedModel model) => response.WriteJsonAsync(
        new ModelList([Describe(model)]), OpenAiJsonContext.Relaxed.ModelList);

    private static Task RetrieveAsync(HttpResponse response, ServedModel model, string id) => IsId(id, model)
        ? response.WriteJsonAsync(Describe(model), OpenAiJsonContext.Relaxed.ModelDescription)
        : response.WriteErrorAsync(OpenAiError.ModelNotFound(id, model.Id));

    // Routing leaves an escaped slash as it is, and clients such as openai-node escape it.
    private static bool IsId(string id, ServedModel model) => id == model.Id || Uri.UnescapeDataString(id) == model.Id;

    private static ModelDescription Describe(ServedModel model) => new() { Id = model.Id, Created = model.Created, OwnedBy = "gemma3server" };
}
