namespace Gemma3Pocket.Curriculum.Data;

/// <summary>The things that stories are told of; each has its own story, so that the answer to a request is exact.</summary>
internal static class StoryThings
{
    /// <summary><c>{0}</c> is the hero.</summary>
    public static IReadOnlyList<(string Thing, string Story)> All { get; } =
    [
        ("a cat", "One day {0} met a cat in the garden. The cat was hungry, so {0} gave it milk. Now they are friends."),
        ("a dog", "One day {0} met a dog on the road. The dog had lost its home, so {0} took it along. Now they run together."),
        ("a key", "One day {0} found a key under a stone. It opened an old box full of gold. {0} shared it with all."),
        ("a boat", "One day {0} built a boat of wood. The wind took it over the sea. {0} came back with a star."),
        ("a dragon", "One day {0} met a dragon on a hill. The dragon was cold, so {0} made a fire. Now it flies {0} to school."),
        ("a star", "One night {0} saw a star fall. It lay in the garden and shone. {0} carried it back to the sky."),
        ("a robot", "One day {0} built a robot of iron. It learned to paint. Now {0} has a blue house."),
        ("a tree", "One day {0} planted a tree by the river. It grew and grew. Now birds live in it and sing for {0}."),
        ("a book", "One day {0} opened an old book. A small king stepped out and said hello. {0} read on all night."),
        ("a fox", "One night {0} saw a fox in the snow. The fox showed {0} the way home. {0} never forgot it."),
        ("a bird", "One day {0} found a bird with a broken wing. {0} helped it until it could fly. Every morning it sings at the door."),
        ("a lamp", "One night {0} lit an old lamp. The dark wood became bright. All the animals came to thank {0}."),
        ("a ring", "One day {0} found a ring in a fish. It belonged to the queen. She gave {0} a white horse."),
        ("a horse", "One day {0} met a horse without a name. {0} called it Wind. They rode to the sea and back."),
        ("a train", "One day {0} took a train to the moon. It was quiet up there. {0} was home again for tea."),
        ("a cloud", "One day {0} caught a cloud with a rope. It rained on the dry garden. The flowers thanked {0}."),
        ("a stone", "One day {0} kept a warm stone. It was an egg, and a small dragon came out. {0} called it Coal."),
        ("a clock", "One day {0} mended an old clock. It ran backwards, and summer came again. {0} swam all day."),
        ("a hat", "One day {0} bought a green hat. A mouse lived in it and could count. Now {0} is good at numbers."),
        ("a bear", "One day {0} met a bear at the river. They shared bread and honey. The bear carried {0} home."),
        ("a ghost", "One night {0} met a ghost on the stairs. The ghost was afraid of the dark. {0} gave it a lamp."),
        ("a letter", "One day {0} found a letter in a bottle. It came from a friend far away. {0} wrote back at once."),
        ("a whale", "One day {0} heard a whale sing. {0} sang the same song. The whale came every summer."),
        ("a map", "One day {0} found a map in a book. It led to a tree full of apples. {0} baked a cake for all."),
        ("an owl", "One night {0} asked an owl for help. The owl knew every star. {0} found the way home."),
        ("a frog", "One day {0} kissed a frog. It stayed a frog, but it could talk. They laughed until night."),
    ];
}
