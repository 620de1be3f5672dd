using Gemma3Server.Api.ChatCompletions;
using Gemma3Server.Api.Errors;
using Gemma3Server.Chat;
using Gemma3Server.Hosting;
using Gemma3Server.Pool;

namespace Gemma3Server.Api.Models;

/// <summary>
/// <c>POST /models/load</c> and <c>/models/unload</c>, as llama-server calls them, and <c>/models/pin</c>: for those with an admin key
/// (<see cref="ApiKeyMiddleware"/>).
/// </summary>
internal sealed class ModelOrdersEndpoint(ModelDirectory directory, ModelPool pool, ModelsEndpoint models)
{
    public const string Path = "/models";

    public static void Map(IEndpointRouteBuilder routes)
    {
        Add("load", "loadModel", "Loads a model, and answers when it is loaded.", (endpoint, order, model, aborted) => endpoint.LoadAsync(order, model, aborted));
        Add("unload", "unloadModel", "Unloads a model when its last request has ended, and answers when it is gone.",
            (endpoint, order, model, aborted) => endpoint.UnloadAsync(order, model, aborted));
        Add("pin", "pinModel", "Makes a model stay loaded, or no longer.", (endpoint, order, model, _) => endpoint.PinAsync(order, model));

        void Add(string word, string name, string summary, Func<ModelOrdersEndpoint, ModelOrder, ServedModel, CancellationToken, Task<OpenAiError?>> act) => routes
            .MapPost($"{Path}/{word}", (HttpContext context, ModelOrdersEndpoint endpoint) => endpoint.HandleAsync(context, act))
            .WithName(name).WithTags("Models").WithSummary(summary)
            .Accepts<ModelOrder>("application/json").Produces<ModelOrderDone>().ProducesErrors()
            .Produces<ErrorResponse>(StatusCodes.Status403Forbidden).Produces<ErrorResponse>(StatusCodes.Status409Conflict);
    }

    private async Task HandleAsync(HttpContext context, Func<ModelOrdersEndpoint, ModelOrder, ServedModel, CancellationToken, Task<OpenAiError?>> act)
    {
        var (body, error) = await JsonPost.ReadAsync(context);
        if (error is null && RequestBodyReader.TryRead(body, OpenAiJsonContext.Default.ModelOrder, out var order, out error))
        {
            var ignored = new IgnoredParameters();
            ignored.AddAll("", order.Others);
            if (order.Model is null) error = OpenAiError.Missing("model");
            else if (ChatHeaders.IsStrict(context.Request.Headers)) error = ignored.Refusal;
            if (error is null && directory.TryFind(order.Model, out var model, out error))
            {
                context.Response.NameIgnored(ignored.Names);
                error = await act(this, order, model, context.RequestAborted);
                if (error is null)
                {
                    await context.Response.WriteJsonAsync(new ModelOrderDone(true, models.Describe(model)), OpenAiJsonContext.Relaxed.ModelOrderDone);
                    return;
                }
            }
        }

        await context.Response.WriteErrorAsync(error!);
    }

    private async Task<OpenAiError?> LoadAsync(ModelOrder order, ServedModel model, CancellationToken aborted)
    {
        if (NotFor("load", order, pinned: true) is { } unknown) return unknown;
        if (!KeepAlive.TryRead(order.KeepAlive, out var keepAlive, out var error)) return error;
        (var lease, error) = await pool.AcquireAsync(model, aborted);
        if (lease is null) return error;
        lease.KeepAlive = keepAlive;
        lease.Dispose();
        return null;
    }

    private async Task<OpenAiError?> UnloadAsync(ModelOrder order, ServedModel model, CancellationToken aborted)
    {
        if (NotFor("unload", order, pinned: true, keepAlive: true) is { } unknown) return unknown;
        return await pool.UnloadAsync(model, aborted)
            ? null
            : new() { Status = StatusCodes.Status409Conflict, Code = "model_loading", Param = "model", Message = $"The model '{model.Id}' is being loaded; unload it afterwards." };
    }

    private Task<OpenAiError?> PinAsync(ModelOrder order, ServedModel model)
    {
        if (NotFor("pin", order, keepAlive: true) is { } unknown) return Task.FromResult<OpenAiError?>(unknown);
        pool.Pin(model, order.Pinned ?? true);
        return Task.FromResult<OpenAiError?>(null);
    }

    /// <summary>The refusal of a field that belongs to another order.</summary>
    private static OpenAiError? NotFor(string word, ModelOrder order, bool pinned = false, bool keepAlive = false)
    {
        var field = pinned && order.Pinned is not null ? "pinned" : keepAlive && order.KeepAlive is { } given && !given.IsNull() ? "keep_alive" : null;
        return field is null ? null : OpenAiError.UnsupportedParameter(field, $"'{field}' does not belong to {Path}/{word}.");
    }
}
