namespace Gemma3Server.Engine.Speculation;

/// <summary>Where a draft comes from.</summary>
internal enum DraftSource
{
    /// <summary>Nothing was proposed.</summary>
    None,

    /// <summary>The tokens that the client predicts.</summary>
    Prediction,

    /// <summary>An earlier place of prompt or completion that ends like the sequence.</summary>
    Lookup,

    /// <summary>A smaller model of the same vocabulary.</summary>
    Model,
}
