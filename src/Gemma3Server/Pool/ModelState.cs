namespace Gemma3Server.Pool;

/// <summary>Where a model stands.</summary>
internal enum ModelState
{
    /// <summary>It takes no memory; the next request loads it.</summary>
    Unloaded,

    /// <summary>It is being loaded, or its turn to be loaded has not come.</summary>
    Loading,

    /// <summary>It answers.</summary>
    Loaded,

    /// <summary>It gives its memory back, once its last request has ended.</summary>
    Unloading,

    /// <summary>It could not be loaded, or its engine has failed; the next request tries again.</summary>
    Failed,
}
