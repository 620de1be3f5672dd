using Gemma3Server.Api.Errors;
using Gemma3Server.Hosting;
using Gemma3Server.Pool;

namespace Gemma3Server.Api.Models;

/// <summary><c>GET</c> and <c>HEAD</c> of <c>/v1/models</c> and <c>/v1/models/{id}</c>; they answer while models load, too.</summary>
internal sealed class ModelsEndpoint(ModelDirectory directory, ModelPool pool)
{
    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGetAndHead("/v1/models", (HttpResponse response, ModelsEndpoint endpoint) => endpoint.ListAsync(response))
            .WithName("listModels").WithTags("Models").WithSummary("Lists the models that can be asked for, and where each stands.")
            .Produces<ModelList>().Produces<ErrorResponse>(StatusCodes.Status401Unauthorized);

        // A catch-all: ids may contain slashes, as in "google/gemma-3-1b-it".
        routes.MapGetAndHead("/v1/models/{**id}", (HttpResponse response, ModelsEndpoint endpoint, string id) => endpoint.RetrieveAsync(response, id))
            .WithName("retrieveModel").WithTags("Models").WithSummary("Describes one model.")
            .Produces<ModelDescription>().Produces<ErrorResponse>(StatusCodes.Status401Unauthorized)
            .Produces<ErrorResponse>(StatusCodes.Status404NotFound);
    }

    /// <summary>A model as it stands.</summary>
    public ModelDescription Describe(ServedModel model) => new()
    {
        Id = model.Id,
        Created = model.Created,
        OwnedBy = "gemma3server",
        Aliases = model.Aliases.Count > 0 ? model.Aliases : null,
        Status = ModelStatusBody.Of(pool.StatusOf(model), model.Id == directory.Default.Id),
    };

    private Task ListAsync(HttpResponse response) => response.WriteJsonAsync(new ModelList([.. directory.All().Select(Describe)]), OpenAiJsonContext.Relaxed.ModelList);

    // Routing leaves an escaped slash as it is, and clients such as openai-node escape it.
    private Task RetrieveAsync(HttpResponse response, string id) =>
        directory.TryFind(id, out var model, out var error) || directory.TryFind(Uri.UnescapeDataString(id), out model, out _)
            ? response.WriteJsonAsync(Describe(model), OpenAiJsonContext.Relaxed.ModelDescription)
            : response.WriteErrorAsync(error);
}
