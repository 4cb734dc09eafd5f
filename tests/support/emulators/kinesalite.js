// Kinesalite has its durations from its caller: UPDATE_STREAM_MS is how long a stream is UPDATING.
'use strict';

const kinesalite = require('kinesalite');

kinesalite({
    createStreamMs: 100,
    deleteStreamMs: 100,
    updateStreamMs: Number(process.env.UPDATE_STREAM_MS),
    shardLimit: Number(process.env.SHARD_LIMIT),
}).listen(4567);
