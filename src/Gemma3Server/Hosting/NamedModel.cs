using Gemma3Server.Catalog;

namespace Gemma3Server.Hosting;

/// <summary>Lets <c>Model:Path</c> and <c>Model:DraftPath</c> be names of pulled models.</summary>
internal static class NamedModel
{
    /// <summary>The settings with the files of the models that are named, and with the name as the model's id unless one is given.</summary>
    /// <param name="options">Checked settings.</param>
    /// <param name="fault">Why a name means no file; null where each does, or is a path.</param>
    public static Gemma3ServerOptions Locate(Gemma3ServerOptions options, out string? fault)
    {
        var (name, model) = (options.Model.Path, options.Model);
        if (Locate(options, name, out fault) is { } path && path != name)
            model = model with { Path = path, Id = string.IsNullOrWhiteSpace(model.Id) ? name : model.Id };
        var draft = Locate(options, model.DraftPath, out var draftFault, nameof(model.DraftPath));
        fault ??= draftFault;
        return options with { Model = model with { DraftPath = draft } };
    }

    /// <summary>The file of a model that is named; a path is returned as it is. A file that exists is never taken for a name.</summary>
    /// <param name="options">Checked settings.</param>
    /// <param name="name">A name or a path.</param>
    /// <param name="fault">Why the name means no file; null where it does, or where it is a path.</param>
    /// <param name="setting">Where it was given, in the section Model.</param>
    public static string? Locate(Gemma3ServerOptions options, string? name, out string? fault, string setting = nameof(ModelSettings.Path))
    {
        fault = null;
        if (string.IsNullOrWhiteSpace(name) || File.Exists(name) || Directory.Exists(name)) return name;
        var catalog = new ModelCatalog(options.Catalog);
        var reference = ModelReference.Read(catalog, name);
        var directory = options.Models.Effective;
        if (directory.Length > 0 && reference?.Locate(new(directory)) is { } path) return path;
        if (reference?.Match is not null || (reference is not null && !name.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase)))
        {
            var size = reference.Match?.Sources.First().Value.File.Bytes is > 0 and var bytes ? $" ({ByteText.Of(bytes)})" : "";
            fault = $"The {(setting == nameof(ModelSettings.Path) ? "" : "draft ")}model '{name}'{size} has not been pulled into '{directory}'. Get it with: gemma3server pull {name}";
        }
        else if (catalog.Near(name) is { Count: > 0 } near)
        {
            fault = $"There is no file and no model '{name}' (Gemma3:Model:{setting}); did you mean {string.Join(" or ", near)}?";
        }

        return name;
    }
}
